/**
 * The data folder of an embedded controller: one controller at a time, and what the one before left running is ended.
 */
import fs from 'node:fs'
import path from 'node:path'
import { WeftError } from '@weft/shared'
import { commandLine, isRunning, type ProcessMark, processMark, signalProcess } from './processes.ts'
import { until } from './wait.ts'

/** Takes the folder. @throws `conflict` while another controller that took it lives. Gives back how to let it go. */
export function takeFolder(folder: string): () => void {
  fs.mkdirSync(folder, { recursive: true, mode: 0o700 })
  const file = path.join(folder, 'controller.lock')
  const holder = readMark(file)
  if (holder !== undefined && holder.pid !== process.pid && isRunning(holder)) {
    throw new WeftError('conflict', {
      what: 'data folder in use',
      on: folder,
      why: `by the controller with process id ${holder.pid}`,
      remedy: 'stop it, or name another folder with --data',
    })
  }
  const own = processMark(process.pid)
  if (own === undefined)
    throw new WeftError('internal', { what: 'no /proc', why: 'a controller finds itself in /proc' })
  writeMark(file, own)
  return () => fs.rmSync(file, { force: true })
}

/** Where a child's mark is kept. */
export const childMarkFile = (folder: string, name: string): string => path.join(folder, `${name}.pid`)

/** Records a child that runs, so that a controller that is killed leaves no orphan behind. */
export function recordChild(folder: string, name: string, pid: number): void {
  const mark = processMark(pid)
  if (mark !== undefined) writeMark(childMarkFile(folder, name), mark)
}

export function forgetChild(folder: string, name: string): void {
  fs.rmSync(childMarkFile(folder, name), { force: true })
}

/**
 * Ends the child that an earlier controller recorded, if it is still that process and its arguments hold `argument`:
 * SIGTERM, and SIGKILL after `graceMs`. Gives back its process id, undefined when there was none.
 */
export async function endOrphan(
  folder: string,
  name: string,
  argument: string,
  graceMs: number,
): Promise<number | undefined> {
  const mark = readMark(childMarkFile(folder, name))
  if (mark === undefined) return undefined
  const ours = isRunning(mark) && commandLine(mark.pid).includes(argument)
  if (ours) {
    signalProcess(mark.pid, 'SIGTERM')
    if (!(await until(() => !isRunning(mark), graceMs))) {
      signalProcess(mark.pid, 'SIGKILL')
      if (!(await until(() => !isRunning(mark), graceMs)))
        throw new WeftError('internal', { what: 'orphan does not end', on: `${name}, process id ${mark.pid}` })
    }
  }
  forgetChild(folder, name)
  return ours ? mark.pid : undefined
}

function readMark(file: string): ProcessMark | undefined {
  if (!fs.existsSync(file)) return undefined
  const match = /^(\d+) (\d+)\n$/.exec(fs.readFileSync(file, 'utf8'))
  return match?.[1] === undefined || match[2] === undefined ? undefined : { pid: Number(match[1]), startedAt: match[2] }
}

function writeMark(file: string, mark: ProcessMark): void {
  fs.writeFileSync(file, `${mark.pid} ${mark.startedAt}\n`, { mode: 0o600 })
}
