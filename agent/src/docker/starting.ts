/**
 * Who is being started. Before Engine 29 Docker asks for an address without saying for whom (DOCKER.md 1.2), but on
 * overlay2 it has mounted the container's root file system by then (ADR 5): of the stopped containers that hold an
 * address, the asker is the one whose root is mounted, when that is exactly one.
 */
import fs from 'node:fs'
import path from 'node:path'

export interface DockerStorage {
  readonly root: string
  readonly driver: string
}

/** The storage driver on which the question can be answered. */
const DRIVER = 'overlay2'

/** True where it can be seen which containers are mounted. */
export function showsMounts(storage: DockerStorage): boolean {
  return storage.driver === DRIVER
}

/**
 * Which of these containers have their root mounted; undefined when the storage driver does not show it.
 * Reads synchronously, so that whoever decides on the answer decides in the same breath.
 */
export function mountedContainers(storage: DockerStorage | null, containers: readonly string[]): string[] | undefined {
  if (storage === null || !showsMounts(storage)) return undefined
  const mountIds = new Map(
    containers.flatMap((container) => {
      const id = mountIdOf(storage.root, container)
      return id === undefined ? [] : [[container, id] as const]
    }),
  )
  return mountedIn(fs.readFileSync('/proc/self/mountinfo', 'utf8'), storage.root, mountIds)
}

/** The same out of texts: a mountinfo (proc_pid_mountinfo(5)) and each container's overlay2 mount id. */
export function mountedIn(mountinfo: string, root: string, mountIds: ReadonlyMap<string, string>): string[] {
  const mounted = new Set(mountinfo.split('\n').map((line) => unescapePath(line.split(' ')[4] ?? '')))
  return [...mountIds]
    .filter(([, id]) => mounted.has(path.join(root, DRIVER, id, 'merged')))
    .map(([container]) => container)
}

/** Space, tab, newline and backslash are octal in mountinfo. */
function unescapePath(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
}

function mountIdOf(root: string, container: string): string | undefined {
  if (!/^[0-9a-f]{64}$/.test(container)) return undefined
  try {
    return fs.readFileSync(path.join(root, `image/${DRIVER}/layerdb/mounts`, container, 'mount-id'), 'utf8').trim()
  } catch (error) {
    // Removed meanwhile, or from another storage driver: then it is not the one that starts.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
