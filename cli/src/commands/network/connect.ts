import { ContainerRef, IpText, Name, parseWith, StringMap, WeftError } from '@weft/shared'
import { z } from 'zod'
import type { Asked } from '../../client/client.ts'
import { openClient } from '../../client/open.ts'
import { parsePairs, parseRef, withFlag } from '../flags.ts'
import type { Run } from '../spec.ts'

const texts = z.array(z.string()).default([])
const Flags = z.strictObject({
  ip: z.string().optional(),
  ip6: z.string().optional(),
  alias: texts,
  macAddress: z.string().optional(),
  gwPriority: z.string().optional(),
  ifname: z.string().optional(),
  driverOpt: texts,
})
export type ConnectFlags = z.infer<typeof Flags>

/** The engine's own time, and the controller's. */
export const CONNECT_MS = 20_000

/** Connects a container of any host to a network; prints nothing, as Docker. */
export const run: Run = async (context, { args: [network = '', container = ''], options }) => {
  const flags = parseWith(Flags, options, 'options')
  const request = connectRequest(network, container, flags, context.newRequestId())
  const client = await openClient(context.connection, context.terminal)
  await client.call('connectionMake', request, CONNECT_MS)
  return undefined
}

/** Throws `invalid` with the flag, the value, the rule and the remedy. */
export function connectRequest(
  network: string,
  container: string,
  flags: ConnectFlags,
  req: string,
): Asked<'connectionMake'> {
  const { ip, ip6, alias, macAddress: mac, ifname, driverOpt } = flags
  const gwPriority = flags.gwPriority === undefined ? undefined : parseSigned('--gw-priority', flags.gwPriority)
  return {
    params: { ref: parseRef('network', network) },
    body: {
      req,
      ...containerPlace(container),
      ip: ip === undefined ? undefined : withFlag('--ip', () => parseWith(IpText, ip, 'address')),
      ip6: ip6 === undefined ? undefined : withFlag('--ip6', () => parseWith(IpText, ip6, 'address')),
      aliases: alias,
      mac,
      gwPriority,
      ifname,
      driverOpts: parseWith(StringMap, parsePairs('--driver-opt', driverOpt, 'weft.ifname=lan0'), '--driver-opt'),
    },
  }
}

/** `[HOST/]CONTAINER`. @throws `invalid` */
export function containerPlace(text: string): { host?: string; container: string } {
  const [first = '', second, ...rest] = text.split('/')
  if (rest.length > 0) {
    const why = 'it is [HOST/]CONTAINER'
    throw new WeftError('invalid', { what: 'bad container', on: text, why, remedy: 'write it like docker1/web' })
  }
  if (second === undefined) return { container: parseWith(ContainerRef, first, 'container') }
  return { host: parseWith(Name, first, 'host'), container: parseWith(ContainerRef, second, 'container') }
}

/** A whole number, which may be below 0. */
export function parseSigned(flag: string, text: string): number {
  if (/^-?\d{1,6}$/.test(text)) return Number(text)
  const remedy = `write it like ${flag} 10`
  throw new WeftError('invalid', { what: `bad ${flag}`, on: text, why: 'it must be a whole number', remedy })
}
