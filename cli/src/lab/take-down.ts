/**
 * Taking a lab down, whatever is left of it. Nothing is remembered for it: all that a lab has is found again by name
 * (network namespaces, cgroups, folder) and by namespace (processes), so a crashed lab goes like a healthy one.
 */
import fs from 'node:fs'
import path from 'node:path'
import { WeftError } from '@weft/shared'
import { LABS_ROOT, labLayout, labPrefix } from './layout.ts'
import { isAlive, isNamespaceInit, labProcesses, namedNetns, signalProcess } from './processes.ts'
import { run } from './run.ts'
import { waitFor } from './wait.ts'

const CGROUPS = '/sys/fs/cgroup'

/** What was there and is gone. */
export interface TakenDown {
  readonly processes: number
  readonly namespaces: readonly string[]
  readonly cgroups: number
  readonly folder: boolean
}

/**
 * Removes everything of the lab; a lab that does not exist is fine. Goes on after a failure and throws one error that
 * names them all.
 */
export async function takeDown(name: string, root: string = LABS_ROOT): Promise<TakenDown> {
  const { folder } = labLayout(name, root)
  const failures: unknown[] = []
  const attempt = async <T>(otherwise: T, step: () => Promise<T> | T): Promise<T> => {
    try {
      return await step()
    } catch (error) {
      failures.push(error)
      return otherwise
    }
  }
  const namespaces = labNamespaces(name)
  const processes = await attempt(0, () => endProcesses(name, folder, namespaces))
  for (const netns of namespaces) await attempt(undefined, () => removeNamespace(netns))
  const cgroups = await attempt(0, () => removeCgroups(name))
  const present = fs.existsSync(folder)
  await attempt(undefined, () => fs.promises.rm(folder, { recursive: true, force: true, maxRetries: 5 }))
  if (failures.length > 0)
    throw new WeftError('internal', {
      what: 'lab was not taken down wholly',
      on: name,
      why: failures.map((error) => WeftError.from(error).message).join('\n'),
      remedy: 'repeat: weft lab down',
      cause: failures[0],
    })
  return { processes, namespaces, cgroups, folder: present }
}

/** Names of the network namespaces of a lab that exist. */
export function labNamespaces(name: string): string[] {
  if (!fs.existsSync('/run/netns')) return []
  return fs.readdirSync('/run/netns').filter((netns) => netns.startsWith(labPrefix(name)))
}

/**
 * Kills until none is left: what was being started while we looked is found by the next look. The holders go first:
 * the kernel ends their hosts, and the parents outside collect their children, so that no zombie waits for the
 * machine's process 1. What is left after that is killed one by one.
 */
async function endProcesses(name: string, folder: string, namespaces: readonly string[]): Promise<number> {
  const ids = new Set(namespaces.map(namedNetns).filter((id) => id !== undefined))
  const seen = new Set<number>()
  const gentleUntilMs = performance.now() + 1000
  await waitFor(
    () => {
      const alive = labProcesses(ids, labPrefix(name), folder).filter(isAlive)
      for (const pid of alive) seen.add(pid)
      const gentle = performance.now() < gentleUntilMs
      for (const pid of alive.filter((each) => !gentle || isNamespaceInit(each))) signalProcess(pid, 'SIGKILL')
      return alive.length === 0
    },
    { what: `the processes of lab ${name} to end`, timeoutMs: 15_000, intervalMs: 30 },
  )
  return seen.size
}

/** A file in /run/netns without a mount on it is what a crash between the two leaves; `ip netns del` removes both. */
async function removeNamespace(netns: string): Promise<void> {
  await run(['ip', 'netns', 'del', netns])
}

/** The cgroups of the lab's containers in every hierarchy, children first; the kernel may need a moment after a kill. */
async function removeCgroups(name: string): Promise<number> {
  let removed = 0
  for (const base of cgroupRoots())
    for (const entry of fs.readdirSync(base).filter((each) => each.startsWith(labPrefix(name)))) {
      for (const folder of subfolders(path.join(base, entry)).reverse())
        await waitFor(() => tryRmdir(folder), { what: `cgroup ${folder} to be empty`, timeoutMs: 5000 })
      removed += 1
    }
  return removed
}

/** Roots of all hierarchies: /sys/fs/cgroup itself (version 2) and the mounts below it (version 1). */
function cgroupRoots(): string[] {
  if (!fs.existsSync(CGROUPS)) return []
  const below = fs.readdirSync(CGROUPS, { withFileTypes: true }).filter((entry) => entry.isDirectory())
  return [CGROUPS, ...below.map((entry) => path.join(CGROUPS, entry.name))]
}

/** A folder and all below it, parents first. */
function subfolders(folder: string): string[] {
  const below = fs.readdirSync(folder, { withFileTypes: true, recursive: true }).filter((entry) => entry.isDirectory())
  return [folder, ...below.map((entry) => path.join(entry.parentPath, entry.name)).sort()]
}

function tryRmdir(folder: string): boolean {
  try {
    fs.rmdirSync(folder)
    return true
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'ENOENT') return true
    if (code === 'EBUSY') return false
    throw error
  }
}
