/** What /proc tells about one process, and signals that do not mind when it is gone (proc(5)). */
import fs from 'node:fs'

/** Identity of a process beyond its number: its id and its start in clock ticks since boot. */
export interface ProcessMark {
  readonly pid: number
  readonly startedAt: string
}

/** The mark of a running process; undefined when it is gone or a zombie. */
export function processMark(pid: number): ProcessMark | undefined {
  const stat = orGone(() => fs.readFileSync(`/proc/${pid}/stat`, 'utf8'))
  // The command in parentheses may hold anything; fields count from behind it: state is the first, start time the 20th.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')
  const [state, startedAt] = [fields?.[0], fields?.[19]]
  return state === undefined || startedAt === undefined || 'ZX'.includes(state) ? undefined : { pid, startedAt }
}

export function isRunning(mark: ProcessMark): boolean {
  return processMark(mark.pid)?.startedAt === mark.startedAt
}

/** The arguments of a process; empty when it is gone. */
export function commandLine(pid: number): readonly string[] {
  const text = orGone(() => fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8')) ?? ''
  return text.split('\0').filter((argument) => argument !== '')
}

/** Sends a signal to a process that may be gone. */
export function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

function orGone<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined
    throw error
  }
}
