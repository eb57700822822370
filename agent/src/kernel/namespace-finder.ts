/** Which network namespace is behind a path, and where else it can be found. */
import { readdirSync, readlinkSync, statSync } from 'node:fs'
import { WeftError } from '@weft/shared'
import { ERRNO } from './errno.ts'
import { netnsCookie } from './libc.ts'
import { netnsPath, openNamespaces } from './netns.ts'

export interface NamespaceId {
  readonly inode: number
  /** Decimal text. */
  readonly cookie: string
}

export interface NamespaceFinder {
  /** @throws `not_found` when the path leads to no network namespace, `unsupported` before Linux 5.14 */
  identify(path: string): NamespaceId
  /** The path of a process that is in the namespace; undefined when none is. */
  findProcess(id: NamespaceId): string | undefined
  /** The host's own, or the fabric. */
  isHosts(id: NamespaceId): boolean
  close(): void
}

/** @param fabricNetns name of the fabric under /run/netns */
export async function openNamespaceFinder(fabricNetns: string): Promise<NamespaceFinder> {
  const namespaces = await openNamespaces(netnsPath(fabricNetns))
  const identify = (path: string): NamespaceId =>
    namespaces.within(path, () => ({ inode: statSync('/proc/thread-self/ns/net').ino, cookie: readCookie() }))
  return {
    identify,
    findProcess: ({ inode, cookie }) => {
      const wanted = `net:[${inode}]`
      for (const entry of readdirSync('/proc')) {
        const path = `/proc/${entry}/ns/net`
        if (!/^\d+$/.test(entry) || linkOf(path) !== wanted) continue
        if (cookieAt(identify, path) === cookie) return path
      }
      return undefined
    },
    isHosts: ({ cookie }) =>
      [namespaces.within('', readCookie), cookieAt(identify, netnsPath(fabricNetns))].includes(cookie),
    close: () => namespaces.close(),
  }
}

function readCookie(): string {
  const cookie = netnsCookie()
  if (cookie !== undefined) return cookie
  const remedy = 'run Linux 5.14 or newer'
  throw new WeftError('unsupported', {
    what: 'the kernel tells no namespace from another',
    on: 'SO_NETNS_COOKIE',
    remedy,
  })
}

/** Undefined when it is gone, as processes come and go while one looks. */
function cookieAt(identify: (path: string) => NamespaceId, path: string): string | undefined {
  try {
    return identify(path).cookie
  } catch (error) {
    if (error instanceof WeftError && error.code === 'not_found') return undefined
    throw error
  }
}

function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path)
  } catch (error) {
    const { errno = 0 } = error as NodeJS.ErrnoException
    if ([ERRNO.ENOENT, ERRNO.ESRCH, ERRNO.EACCES].includes(-errno)) return undefined
    throw error
  }
}
