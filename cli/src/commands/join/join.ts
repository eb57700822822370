import fs from 'node:fs'
import os from 'node:os'
import { decodeJoinString, type JoinInfo, Name, parseWith, WeftError } from '@weft/shared'
import { z } from 'zod'
import { note, print, printable, type Terminal } from '../../output/terminal.ts'
import { examineJoined } from '../../setup/examine-joined.ts'
import { type AgentConfig, configOf, type HostWish, readAgentConfig, setUpHost } from '../../setup/host-setup.ts'
import {
  checkIdFree,
  checkRoot,
  chooseUnderlay,
  dockerVersion,
  type Reached,
  reachController,
} from '../../setup/preflight.ts'
import { AGENT_UNIT, agentUnits, checkUnitData, journal, startUnits } from '../../setup/systemd.ts'
import { waitUntilConverged } from '../../setup/wait-until-converged.ts'
import { bad } from '../flags.ts'
import type { Run } from '../spec.ts'

const Flags = z.strictObject({
  id: z.string().optional(),
  underlay: z.string().optional(),
  data: z.string().startsWith('/'),
  config: z.string().startsWith('/'),
  docker: z.string().startsWith('/'),
  start: z.boolean(),
  dryRun: z.boolean().default(false),
})

/** Checks everything, then writes, starts and waits. */
export const run: Run = async ({ terminal }, { args, options }) => {
  const flags = parseWith(Flags, options, 'options')
  const join = decodeJoinString(stringOf(args[0] ?? ''))
  const id = hostId(flags.id)
  checkRoot(process.getuid?.())
  const before = readAgentConfig(flags.config)
  refuseOther(before, id, flags.config)
  const units = await agentUnits(flags.config)
  if (units.length > 0) checkUnitData(flags.data)

  const engine = await dockerVersion(flags.docker)
  say(terminal, 'Docker', engine)
  const reached = await reachController(join)
  say(terminal, 'controller', `${reached.controller}, version ${reached.version}, of the pinned CA`)
  refuseOtherCluster(before, reached, flags.config)
  await checkIdFree(reached.client, id, { joined: before?.id === id })
  say(terminal, 'name', id)
  const { underlay, vtep, address } = await chooseUnderlay(flags.underlay, reached.controller)
  say(terminal, 'underlay', `${underlay} (${address})`)

  const { config, data, docker } = flags
  const wish: HostWish = { config, data, docker, id, underlay, vtep, ...wanted(join, reached) }
  if (flags.dryRun) {
    note(terminal, 'nothing was changed; this would be written and the agent started:')
    print(terminal, `${config}\n${JSON.stringify(configOf(wish), null, 2)}`)
    return undefined
  }
  const changed = setUpHost(wish)
  note(terminal, changed ? `written: ${config}` : `joined already: ${config} is as it should be`)

  if (!flags.start || units.length === 0) {
    const byUnit = `systemctl enable --now ${units.join(' ')}`
    note(terminal, `start it with: ${units.length > 0 ? byUnit : `weft agent --config ${config}`}`)
    return undefined
  }
  note(terminal, `starting ${units.join(', ')}`)
  await startUnits(units, changed)
  await waitUntilConverged(reached.client, id, journal(AGENT_UNIT))
  await examineJoined(terminal, reached.client, id)
  print(terminal, `${id} has joined and stands where the controller wants it.`)
  return undefined
}

function wanted(join: JoinInfo, { ca }: Reached): Pick<HostWish, 'controllers' | 'nats' | 'secret' | 'ca'> {
  return { controllers: join.controllers, nats: join.nats, secret: join.secret, ca }
}

function say(terminal: Terminal, what: string, is: string): void {
  note(terminal, `${what.padEnd(11)} ${printable(is)}`)
}

/** The string itself, or the first line of a file that holds it. */
function stringOf(given: string): string {
  if (given.startsWith('WEFT') || !fs.existsSync(given)) return given.trim()
  return (fs.readFileSync(given, 'utf8').split('\n')[0] ?? '').trim()
}

/** The name asked for, else the host's own, as far as it is one. */
function hostId(asked: string | undefined): string {
  const id = asked ?? os.hostname().split('.')[0]?.toLowerCase() ?? ''
  const parsed = Name.safeParse(id)
  if (parsed.success) return parsed.data
  const why = parsed.error.issues[0]?.message ?? 'it is no name'
  if (asked !== undefined) throw bad('--id', asked, why, 'write it like --id docker1')
  throw new WeftError('invalid', {
    what: 'host name of this machine',
    on: id,
    why,
    remedy: 'give one with --id docker1',
  })
}

function refuseOther(before: AgentConfig | undefined, id: string, config: string): void {
  if (before === undefined || before.id === id) return
  throw new WeftError('conflict', {
    what: 'this host has joined under another name',
    on: before.id,
    why: `${config} says so`,
    remedy: `repeat it with --id ${before.id}, or leave first: weft leave`,
  })
}

function refuseOtherCluster(before: AgentConfig | undefined, reached: Reached, config: string): void {
  if (before?.ca === undefined || !fs.existsSync(before.ca)) return
  if (fs.readFileSync(before.ca, 'utf8').trim() === reached.ca.trim()) return
  throw new WeftError('conflict', {
    what: 'this host is in another cluster',
    on: before.controller.join(', '),
    why: `${config} says so, and its CA is another one`,
    remedy: 'leave that one first: weft leave',
  })
}
