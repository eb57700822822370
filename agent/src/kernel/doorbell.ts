/**
 * The doorbell: `ip monitor` in child processes, so that no overrun, parse error or signal of theirs can harm this
 * process (DOCKER.md 5, defects 1-4). Their lines are never read as data; any line rings.
 *
 * Two children: one on links, addresses and routes of the own netns; one in the fabric on those, on neighbours and FDB
 * entries, and on every netns that has a number (nsid) there: each sandbox is given one when it is first observed, so
 * that containers are watched too, without a process or a socket for each (a socket would keep a dead sandbox alive).
 * nf_tables has no such monitor here, and a namespace's file none at all; both are looked at once a second (20 us a netns).
 */
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import type { KernelLog } from './kernel.ts'

const COALESCE_MS = 50
const POLL_MS = 1000
const RESTART_MIN_MS = 200
const RESTART_MAX_MS = 5000
const LISTENING_POLL_MS = 20
const LISTENING_DEADLINE_MS = 5000

export interface DoorbellOptions {
  readonly fabricNetns: string
  /** A text that changes with what no monitor tells of. */
  readonly unmonitored: () => string
  readonly log: KernelLog
}

/**
 * Rings after changes, at most once in 50 ms, until the signal aborts. Each monitor rings once as soon as it listens
 * (again after a restart, for what was missed meanwhile).
 */
export async function* ringOnChanges(options: DoorbellOptions, signal: AbortSignal): AsyncGenerator<void> {
  const bell = createBell()
  const stop = new AbortController()
  const both = AbortSignal.any([signal, stop.signal])
  const watchers = [
    keepMonitor(['-o', 'monitor', 'link', 'address', 'route', 'label'], () => true, bell.ring, both, options.log),
    keepMonitor(
      ['-n', options.fabricNetns, '-o', 'monitor', 'link', 'address', 'route', 'neigh', 'label', 'all-nsid'],
      mattersInFabric,
      bell.ring,
      both,
      options.log,
    ),
    pollUnmonitored(options.unmonitored, bell.ring, both, options.log),
  ]
  try {
    for (;;) {
      await bell.rung(both)
      await sleep(COALESCE_MS, both)
      if (both.aborted) return
      bell.clear()
      yield
    }
  } finally {
    stop.abort()
    await Promise.all(watchers)
  }
}

/** Containers resolve each other all the time; their neighbour tables are theirs. In the fabric every entry is ours. */
export function mattersInFabric(line: string): boolean {
  return !/^\[nsid \d+\]\[NEIGH\]/.test(line)
}

function createBell() {
  let ringing = false
  let wake: (() => void) | undefined
  return {
    ring: () => {
      ringing = true
      wake?.()
    },
    clear: () => {
      ringing = false
    },
    rung: async (signal: AbortSignal) => {
      if (ringing || signal.aborted) return
      await new Promise<void>((resolve) => {
        wake = resolve
        signal.addEventListener('abort', () => resolve(), { once: true })
      })
    },
  }
}

/** Runs `ip` and starts it again whenever it ends, after a pause that doubles until it has lasted a while. */
async function keepMonitor(
  argv: readonly string[],
  matters: (line: string) => boolean,
  ring: () => void,
  signal: AbortSignal,
  log: KernelLog,
): Promise<void> {
  let pauseMs = RESTART_MIN_MS
  while (!signal.aborted) {
    const began = performance.now()
    const why = await runMonitor(argv, matters, ring, signal)
    if (signal.aborted) return
    pauseMs = performance.now() - began > RESTART_MAX_MS ? RESTART_MIN_MS : Math.min(pauseMs * 2, RESTART_MAX_MS)
    log.warn({ monitor: argv.join(' '), why, pauseMs }, 'kernel monitor ended and is started again')
    ring()
    await sleep(pauseMs, signal)
  }
}

/** `setpriv --pdeathsig`: the child goes when this process is killed. Answers why it ended. */
async function runMonitor(
  argv: readonly string[],
  matters: (line: string) => boolean,
  ring: () => void,
  signal: AbortSignal,
): Promise<string> {
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', 'ip', ...argv], { stdio: ['ignore', 'pipe', 'pipe'] })
  const kill = () => child.kill('SIGKILL')
  signal.addEventListener('abort', kill, { once: true })
  let complaint = ''
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (matters(line)) ring()
  })
  // `ip` complains of lost messages here and goes on.
  createInterface({ input: child.stderr }).on('line', (line) => {
    complaint = line
    ring()
  })
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message))
    child.once('close', (code, reason) => resolve(complaint || `exit ${code ?? reason}`))
  })
  try {
    const listening = ringWhenListening(child.pid, ring, AbortSignal.any([signal, endOf(ended)]))
    const [why] = await Promise.all([ended, listening])
    return why
  } finally {
    signal.removeEventListener('abort', kill)
  }
}

function endOf(ended: Promise<unknown>): AbortSignal {
  const controller = new AbortController()
  void ended.then(() => controller.abort())
  return controller.signal
}

/** Rings once the process has joined its multicast groups: what happens from then on cannot be missed. */
async function ringWhenListening(pid: number | undefined, ring: () => void, signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + LISTENING_DEADLINE_MS
  while (pid !== undefined && !signal.aborted && performance.now() < deadline && !isListening(pid)) {
    await sleep(LISTENING_POLL_MS, signal)
  }
  if (!signal.aborted) ring()
}

/** /proc/PID/net/netlink: sk, Eth, Pid (the port id), Groups (hex), … */
function isListening(pid: number): boolean {
  try {
    const rows = readFileSync(`/proc/${pid}/net/netlink`, 'utf8').split('\n')
    return rows.some((row) => {
      const [, , port, groups] = row.trim().split(/\s+/)
      return port === String(pid) && groups !== undefined && /[1-9a-f]/.test(groups)
    })
  } catch {
    // The process is gone; its exit is reported by the caller.
    return false
  }
}

async function pollUnmonitored(
  look: () => string,
  ring: () => void,
  signal: AbortSignal,
  log: KernelLog,
): Promise<void> {
  let last: string | undefined
  while (!signal.aborted) {
    try {
      const now = look()
      if (last !== undefined && now !== last) ring()
      last = now
    } catch (error) {
      log.warn({ err: error }, 'nf_tables and the fabric cannot be watched')
    }
    await sleep(POLL_MS, signal)
  }
}

/** Resolves early, without an error, when the signal aborts. */
async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch((error: unknown) => {
    if (!signal.aborted) throw error
  })
}
