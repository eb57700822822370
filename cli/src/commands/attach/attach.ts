import { type AttachTarget, IpText, parseWith, WeftError } from '@weft/shared'
import { z } from 'zod'
import { openClient } from '../../client/open.ts'
import { print } from '../../output/terminal.ts'
import { AGENT_CONFIG, readAgentConfig } from '../../setup/host-setup.ts'
import { bad, parseInteger, parseRef, withFlag } from '../flags.ts'
import { CONNECT_MS, parseSigned } from '../network/connect.ts'
import type { Run } from '../spec.ts'

const Flags = z.strictObject({
  pid: z.string().optional(),
  netns: z.string().optional(),
  container: z.string().optional(),
  host: z.string().optional(),
  name: z.string().optional(),
  alias: z.array(z.string()).default([]),
  ip: z.string().optional(),
  ip6: z.string().optional(),
  mac: z.string().optional(),
  ifname: z.string().optional(),
  gwPriority: z.string().optional(),
})
export type AttachFlags = z.infer<typeof Flags>

/** Linux' own limit (PID_MAX_LIMIT). */
const MOST_PID = 4_194_304

/** Makes an endpoint in a namespace and prints its id. */
export const run: Run = async (context, { args: [network = ''], options }) => {
  const flags = parseWith(Flags, options, 'options')
  const { ip, ip6, name, alias, mac, ifname, gwPriority } = flags
  const body = {
    req: context.newRequestId(),
    target: targetOf(flags),
    host: flags.host === undefined ? thisHost() : parseRef('host', flags.host),
    name,
    aliases: alias,
    ip: ip === undefined ? undefined : withFlag('--ip', () => parseWith(IpText, ip, 'address')),
    ip6: ip6 === undefined ? undefined : withFlag('--ip6', () => parseWith(IpText, ip6, 'address')),
    mac,
    ifname,
    gwPriority: gwPriority === undefined ? undefined : parseSigned('--gw-priority', gwPriority),
  }
  const params = { ref: parseRef('network', network) }
  const client = await openClient(context.connection, context.terminal)
  const { uid } = await client.call('attachmentMake', { params, body }, CONNECT_MS)
  print(context.terminal, uid)
  return undefined
}

/** Throws `invalid` unless exactly one of --pid, --netns and --container is given. */
export function targetOf({ pid, netns, container }: Pick<AttachFlags, 'pid' | 'netns' | 'container'>): AttachTarget {
  const given = Object.entries({ pid, netns, container }).filter(([, value]) => value !== undefined)
  if (given.length !== 1) {
    const on = given.map(([flag]) => `--${flag}`).join(' and ') || 'no flag'
    throw bad('namespace', on, 'it is named by one of --pid, --netns and --container', 'give one of them')
  }
  if (pid !== undefined) return { pid: parseInteger('--pid', pid, 1, MOST_PID) }
  return netns !== undefined ? { netns } : { container: container ?? '' }
}

/** @throws `invalid` on a machine that is no host of a cluster */
function thisHost(): string {
  const config = readAgentConfig(AGENT_CONFIG)
  if (config !== undefined) return config.id
  const why = `this machine has not joined (${AGENT_CONFIG} is absent)`
  throw new WeftError('invalid', { what: 'no host named', why, remedy: 'name one: --host HOST (weft host ls)' })
}
