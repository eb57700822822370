/** Starts talk.ts in a namespace; it dies with us (setpriv), with its time, and with its stdin. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { WeftError } from '@weft/shared'
import type { ThrowawayNetns } from '../netns.ts'
import type { TalkOrder } from './talk.ts'

/** Words of nsenter before a command that is to run inside. */
export type Entrance = Pick<ThrowawayNetns, 'enter'>

/** The same from source and from what was built. */
const PROGRAM = fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? './talk.ts' : './talk.js', import.meta.url))

/** Carries out an order to its end; its result as JSON. @throws `deadline`, or `internal` with what it printed */
export async function talk<T>(netns: Entrance, order: TalkOrder, withinMs: number): Promise<T> {
  const child = start(netns, order)
  const timer = setTimeout(() => child.kill('SIGKILL'), withinMs)
  try {
    const [out, complaint] = await Promise.all([readAll(child.stdout), readAll(child.stderr), once(child, 'close')])
    if (out.trim() !== '') return JSON.parse(out) as T
    const code = child.signalCode === 'SIGKILL' ? 'deadline' : 'internal'
    throw new WeftError(code, { what: 'probe ended without a result', on: order.do, why: complaint.trim().slice(-500) })
  } finally {
    clearTimeout(timer)
  }
}

/** Starts a listener; resolves when it listens. @throws `internal` with what it printed when it does not */
export async function startListener(netns: Entrance, order: TalkOrder, withinMs: number): Promise<() => Promise<void>> {
  const child = start(netns, order)
  const closed = once(child, 'close')
  const complaint = readAll(child.stderr)
  const stop = async () => {
    child.kill('SIGKILL')
    await closed
  }
  const timer = setTimeout(() => child.kill('SIGKILL'), withinMs)
  const ready = await Promise.race([
    once(child.stdout as NodeJS.EventEmitter, 'data').then(() => true),
    closed.then(() => false),
  ])
  clearTimeout(timer)
  if (ready) return stop
  throw new WeftError('internal', { what: 'probe does not listen', why: (await complaint).trim().slice(-500) })
}

function start(netns: Entrance, order: TalkOrder): ChildProcess {
  const node = [process.execPath, ...process.execArgv, PROGRAM, JSON.stringify(order)]
  // nsenter becomes the program, and so does setpriv: what is killed is the program itself.
  const argv = [...netns.enter, 'setpriv', '--pdeathsig', 'KILL', '--', ...node]
  return spawn('nsenter', argv, { stdio: ['pipe', 'pipe', 'pipe'] })
}

async function readAll(stream: NodeJS.ReadableStream | null): Promise<string> {
  return stream === null ? '' : await text(stream)
}
