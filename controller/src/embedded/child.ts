/** One supervised child: started, restarted when it dies, stopped with escalation. */
import { type ChildProcess, spawn } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { WeftError } from '@weft/shared'
import type { Log } from '../log.ts'
import { endOrphan, forgetChild, recordChild } from './folder.ts'
import { until } from './wait.ts'

export interface ChildPlan {
  /** 'etcd' or 'nats-server': names the log file and the mark in the data folder. */
  readonly name: string
  readonly program: string
  readonly args: readonly string[]
  /** One argument that only this child of this folder has: tells an orphan from a stranger. */
  readonly argument: string
  readonly env: NodeJS.ProcessEnv
  /** True once it serves. */
  readonly ready: () => Promise<boolean>
}

export interface Child {
  stop(): Promise<void>
}

const READY_WITHIN_MS = 30_000
const STOP_GRACE_MS = 5_000
const BACKOFF_MS = { first: 200, most: 10_000 } as const
/** Life after which a death counts as a first one again, milliseconds. */
const SETTLED_MS = 30_000

/**
 * Ends what an earlier controller left, starts the child and waits until it serves.
 * @throws `unavailable` with the end of its log when it does not come up.
 */
export async function startChild(folder: string, plan: ChildPlan, log: Log): Promise<Child> {
  const orphan = await endOrphan(folder, plan.name, plan.argument, STOP_GRACE_MS)
  if (orphan !== undefined) log.warn({ child: plan.name, pid: orphan }, 'orphan of an earlier controller ended')
  const logFile = path.join(folder, `${plan.name}.log`)
  let stopping = false
  let wasReady = false
  let current: ChildProcess | undefined
  let deaths = 0
  let timer: NodeJS.Timeout | undefined

  const start = () => {
    const began = performance.now()
    const child = launch(plan, logFile)
    current = child
    if (child.pid !== undefined) recordChild(folder, plan.name, child.pid)
    const ended = (why: string) => {
      if (current !== child) return
      current = undefined
      forgetChild(folder, plan.name)
      if (stopping || !wasReady) return
      deaths = performance.now() - began > SETTLED_MS ? 0 : deaths + 1
      const delayMs = Math.min(BACKOFF_MS.most, BACKOFF_MS.first * 2 ** Math.max(0, deaths - 1))
      log.error({ child: plan.name, why, delayMs, logFile }, 'child died, starting it again')
      timer = setTimeout(start, delayMs)
    }
    child.once('error', (error) => ended(error.message))
    child.once('exit', (code, signal) => ended(`it ended with ${signal ?? code}`))
  }

  const stop = async () => {
    stopping = true
    clearTimeout(timer)
    const child = current
    if (child === undefined) return
    child.kill('SIGTERM')
    if (await until(() => current === undefined, STOP_GRACE_MS)) return
    log.warn({ child: plan.name }, 'child does not stop, killing it')
    child.kill('SIGKILL')
    await until(() => current === undefined, STOP_GRACE_MS)
  }

  start()
  const serves = await until(async () => current === undefined || (await plan.ready()), READY_WITHIN_MS)
  if (!serves || current === undefined) {
    await stop()
    throw new WeftError('unavailable', {
      what: serves ? 'child ended at its start' : `child does not serve within ${READY_WITHIN_MS} ms`,
      on: plan.name,
      why: tail(logFile),
      remedy: `read ${logFile}`,
    })
  }
  wasReady = true
  return { stop }
}

/** Its own process group: a Ctrl-C at the terminal is for the controller, which then stops its children in order. */
function launch(plan: ChildPlan, logFile: string): ChildProcess {
  const output = fs.openSync(logFile, 'a', 0o600)
  try {
    return spawn(plan.program, plan.args, {
      detached: true,
      cwd: '/',
      stdio: ['ignore', output, output],
      env: plan.env,
    })
  } finally {
    fs.closeSync(output)
  }
}

function tail(logFile: string): string {
  return fs.readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-5).join('\n')
}
