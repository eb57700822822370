/** Daemons inside a lab host: started with a log file and a pid file, stopped by their id, with escalation. */
import { type ChildProcess, spawn } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { WeftError } from '@weft/shared'
import { enterHost } from './enter.ts'
import { holderOf } from './host.ts'
import type { HostLayout } from './layout.ts'
import { isAlive, outerPid, signalProcess } from './processes.ts'
import { waitFor } from './wait.ts'

export interface Daemon {
  /** Names the pid file /run/weft/NAME.pid and the log file. */
  readonly name: string
  readonly argv: readonly string[]
  readonly env?: NodeJS.ProcessEnv
  /** Becomes true when the daemon serves. */
  readonly ready: () => Promise<boolean>
  readonly readyWithinMs: number
}

/** The pid file is written before the program runs, by the process that becomes it: no gap in which it is unknown. */
const LAUNCH = 'echo $$ > "$0" && exec "$@"'

/** Path of a daemon's log file on the machine. */
export function logFile(host: HostLayout, name: string): string {
  return path.join(host.log, `${name}.log`)
}

/** The last lines of a daemon's log. */
export function logTail(host: HostLayout, name: string, lines = 15): string {
  if (!fs.existsSync(logFile(host, name))) return ''
  return fs.readFileSync(logFile(host, name), 'utf8').trimEnd().split('\n').slice(-lines).join('\n')
}

/** The machine's process id of a daemon of this host; undefined when it does not run. */
export function daemonPid(host: HostLayout, name: string): number | undefined {
  const file = path.join(host.run, 'weft', `${name}.pid`)
  const holder = holderOf(host)
  if (holder === undefined || !fs.existsSync(file)) return undefined
  const pid = outerPid(holder, Number(fs.readFileSync(file, 'utf8')))
  return pid !== undefined && isAlive(pid) ? pid : undefined
}

/**
 * Starts a daemon in a host and waits until it serves. It outlives this process. Gives back its process id.
 * Throws `conflict` when it runs already, `unavailable` with the tail of its log when it ends early, `deadline`.
 */
export async function startDaemon(host: HostLayout, daemon: Daemon, signal?: AbortSignal): Promise<number> {
  if (daemonPid(host, daemon.name) !== undefined)
    throw new WeftError('conflict', { what: 'daemon runs already', on: `${daemon.name} of ${host.name}` })
  fs.mkdirSync(path.join(host.run, 'weft'), { recursive: true })
  const log = fs.openSync(logFile(host, daemon.name), 'a')
  const launch = ['sh', '-c', LAUNCH, `/run/weft/${daemon.name}.pid`, ...daemon.argv]
  const [program = '', ...args] = enterHost(host, launch)
  const child = spawn(program, args, {
    detached: true,
    cwd: '/',
    stdio: ['ignore', log, log],
    env: { ...process.env, ...daemon.env },
  })
  fs.closeSync(log)
  child.unref()
  const ended = early(child)
  await waitFor(
    async () => {
      const why = ended()
      if (why !== undefined)
        throw new WeftError('unavailable', {
          what: 'daemon ended at its start',
          on: `${daemon.name} of ${host.name}`,
          why: `${why}\n${logTail(host, daemon.name)}`,
        })
      return await daemon.ready()
    },
    {
      what: `${daemon.name} of ${host.name} to serve`,
      timeoutMs: daemon.readyWithinMs,
      ...(signal ? { signal } : {}),
      explain: () => logTail(host, daemon.name),
    },
  )
  return await waitFor(() => daemonPid(host, daemon.name), {
    what: `the process of ${daemon.name} of ${host.name}`,
    timeoutMs: 2000,
  })
}

/** Watches a child that should not end; the function given back says how it did. */
function early(child: ChildProcess): () => string | undefined {
  let why: string | undefined
  child.on('error', (error) => {
    why = error.message
  })
  child.on('exit', (code, signal) => {
    why ??= `it ended with ${signal ?? code}`
  })
  return () => why
}

/**
 * Sends a signal and waits until the daemon is gone; SIGKILL after `graceMs`. One that does not run is fine.
 */
export async function stopDaemon(
  host: HostLayout,
  name: string,
  signal: NodeJS.Signals = 'SIGTERM',
  graceMs = 15_000,
): Promise<void> {
  const pid = daemonPid(host, name)
  if (pid === undefined) return
  signalProcess(pid, signal)
  const gone = { what: `${name} of ${host.name} to end`, timeoutMs: graceMs }
  try {
    await waitFor(() => !isAlive(pid), gone)
  } catch (error) {
    if (WeftError.from(error).code !== 'deadline') throw error
    signalProcess(pid, 'SIGKILL')
    await waitFor(() => !isAlive(pid), { ...gone, timeoutMs: 5000 })
  }
}
