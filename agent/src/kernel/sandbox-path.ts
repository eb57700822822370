/**
 * How HostState names a namespace that Docker did not make: `PATH#COOKIE`. The path may come to lead elsewhere (a process's
 * number is given anew, `ip netns` makes one of the same name), its inode number too: only the kernel's cookie is never
 * used again while the machine runs (SO_NETNS_COOKIE, since Linux 5.14).
 */

export interface SandboxPath {
  readonly path: string
  /** The namespace must have it; a sandbox of Docker's has a path of its own for ever. */
  readonly cookie?: string
}

export function sandboxText({ path, cookie }: SandboxPath): string {
  return cookie === undefined ? path : `${path}#${cookie}`
}

export function parseSandbox(text: string): SandboxPath {
  const [, path, cookie] = /^(.*)#(\d+)$/.exec(text) ?? []
  return path === undefined || cookie === undefined ? { path: text } : { path, cookie }
}
