/** What /proc tells about a lab's processes. A process that ends while it is read counts as gone. */
import fs from 'node:fs'
import { netnsPath } from './layout.ts'

function orGone<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'ENOENT' || code === 'ESRCH' || code === 'EACCES') return undefined
    throw error
  }
}

/** Identity of a namespace of a process: `net:[4026532000]`; undefined when the process is gone. */
export function namespaceOf(pid: number, kind: 'net' | 'pid' | 'mnt'): string | undefined {
  return orGone(() => fs.readlinkSync(`/proc/${pid}/ns/${kind}`))
}

/** Identity of a named network namespace in the words of `namespaceOf`; undefined when there is none. */
export function namedNetns(netns: string): string | undefined {
  const stat = orGone(() => fs.statSync(netnsPath(netns)))
  return stat && `net:[${stat.ino}]`
}

function pids(): number[] {
  return fs
    .readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
}

/** Stands in the command line of every holder, before the folder of its host. */
export const HOLDER_MARK = 'weft-lab-host'

/**
 * All processes of a lab: those in one of its network namespaces (daemons, shims, the holders), those in a cgroup
 * of one of its containers, which have network namespaces of their own, and the holders even when somebody removed
 * the namespace's name; with a holder the kernel ends all that is in its host.
 */
export function labProcesses(netnsIds: ReadonlySet<string>, cgroupPrefix: string, folder: string): number[] {
  const holder = `\0${HOLDER_MARK}\0${folder}/`
  const inCgroup = new RegExp(`^\\d+:[^:]*:(/.*)?/${cgroupPrefix}[a-z0-9]+(/|$)`, 'm')
  return pids().filter((pid) => {
    const net = namespaceOf(pid, 'net')
    if (net !== undefined && netnsIds.has(net)) return true
    const cgroups = orGone(() => fs.readFileSync(`/proc/${pid}/cgroup`, 'utf8'))
    if (cgroups !== undefined && inCgroup.test(cgroups)) return true
    return orGone(() => fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8'))?.includes(holder) === true
  })
}

/**
 * The machine's id of a process that calls itself `inner` in the PID namespace of `holder` (NSpid in
 * /proc/PID/status, proc(5)); undefined when there is no such process.
 */
export function outerPid(holder: number, inner: number): number | undefined {
  const namespace = namespaceOf(holder, 'pid')
  if (namespace === undefined) return undefined
  return pids().find((pid) => {
    if (namespaceOf(pid, 'pid') !== namespace) return false
    const status = orGone(() => fs.readFileSync(`/proc/${pid}/status`, 'utf8'))
    return Number(/^NSpid:.*\s(\d+)$/m.exec(status ?? '')?.[1]) === inner
  })
}

/** True for process 1 of a PID namespace other than the machine's: a holder, or a container's first process. */
export function isNamespaceInit(pid: number): boolean {
  const status = orGone(() => fs.readFileSync(`/proc/${pid}/status`, 'utf8'))
  return /^NSpid:\s+\d+\s.*\b1$/m.test(status ?? '')
}

/**
 * True while the process runs. A zombie has ended once it is its last thread: until the others are gone, too, its files are
 * open, and a socket of a killed daemon still accepts.
 */
export function isAlive(pid: number): boolean {
  const stat = orGone(() => fs.readFileSync(`/proc/${pid}/stat`, 'utf8'))
  if (stat === undefined) return false
  if (!/\) [ZX] /.test(stat)) return true
  return (orGone(() => fs.readdirSync(`/proc/${pid}/task`)) ?? []).length > 1
}

/** Sends a signal; a process that is gone already is fine. */
export function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
