import { parseWith } from '@weft/shared'
import { z } from 'zod'
import { bringUp, type EngineName, type Lab, parseEngine, takeDown } from '../../lab/index.ts'
import { showProgress } from '../../output/progress.ts'
import { note, print } from '../../output/terminal.ts'
import { bad, parseInteger } from '../flags.ts'
import type { Context, Run } from '../spec.ts'
import { downText } from './down.ts'
import { nextSteps } from './next-steps.ts'

const Flags = z.strictObject({
  hosts: z.string(),
  detach: z.boolean().default(false),
  once: z.boolean().default(false),
  name: z.string(),
  mtu: z.string(),
  engine: z.string().optional(),
})
const MAX_HOSTS = 200
/** 128 + SIGINT: the lab was never up. */
const INTERRUPTED = 130

/** Brings a lab up, then: leaves it (--detach), runs the scenario (--once), or waits for Ctrl-C and takes it down. */
export const run: Run = async (context, { options }) => {
  const { terminal } = context
  const flags = parseWith(Flags, options, 'options')
  if (flags.detach && flags.once) throw bad('--detach', '--once', 'the scenario takes its lab down', 'leave one out')
  const { name, detach: detached } = flags
  const hosts = parseInteger('--hosts', flags.hosts, 1, MAX_HOSTS)
  const mtu = parseInteger('--mtu', flags.mtu, 1280, 65_535)
  const signal = context.interrupt()
  const engine = flags.engine === undefined ? {} : { engine: parseEngine(flags.engine) }
  const lab = await bring(context, { name, hosts, mtu, signal, ...engine })
  if (lab === undefined) return INTERRUPTED
  if (flags.once) return await once(context, lab, signal)
  print(terminal, `\n${nextSteps({ lab: name, hosts: lab.hosts.map((host) => host.name), detached })}`)
  if (detached) return undefined
  await aborted(signal)
  await down(context, name)
  return undefined
}

interface Wanted {
  readonly name: string
  readonly hosts: number
  readonly mtu: number
  readonly engine?: EngineName
  readonly signal: AbortSignal
}

/** Undefined when it was interrupted; what was made is gone then. */
async function bring(context: Context, wanted: Wanted): Promise<Lab | undefined> {
  try {
    return await bringUp({ ...wanted, onProgress: showProgress(context.terminal) })
  } catch (error) {
    if (!wanted.signal.aborted || error !== wanted.signal.reason) throw error
    note(context.terminal, 'interrupted: what was made has been taken down')
    return undefined
  }
}

async function once(context: Context, lab: Lab, signal: AbortSignal): Promise<number> {
  const { SCENARIO } = await import('../../lab/scenario/index.ts')
  const { allHeld, runChecks, scenarioReport } = await import('../../lab/scenario/runner.ts')
  try {
    const results = await runChecks(SCENARIO, lab, {
      signal,
      nowMs: () => performance.now(),
      onStart: (check) => note(context.terminal, `… ${check}`),
    })
    print(context.terminal, scenarioReport(results))
    return allHeld(results) ? 0 : 1
  } finally {
    await down(context, lab.name)
  }
}

async function down(context: Context, name: string): Promise<void> {
  note(context.terminal, `taking lab ${name} down`)
  note(context.terminal, downText(name, await takeDown(name)))
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  // A pending promise does not keep Node alive; a timer does.
  const alive = setInterval(() => undefined, 2 ** 30)
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
  clearInterval(alive)
}
