/**
 * From the flags of `network create` to the request, as `docker network create` reads them: gateways and ranges go to
 * the subnet that contains them. All is checked here, before anything is sent.
 */
import {
  type Address,
  type Cidr,
  containsAddress,
  containsCidr,
  driverFor,
  Name,
  NetworkCreateRequest,
  parseAddress,
  parseCidr,
  parseOptions,
  parseWith,
  type SubnetRequest,
  type WeftError,
} from '@weft/shared'
import { z } from 'zod'
import { bad, parseFlag, parseLabels, parsePairs, withFlag } from '../flags.ts'

const texts = z.array(z.string()).default([])
export const CreateFlags = z.strictObject({
  driver: z.string(),
  subnet: texts,
  gateway: texts,
  ipRange: texts,
  auxAddress: texts,
  opt: texts,
  label: texts,
  internal: z.boolean().default(false),
  ipv4: z.string().default('true'),
  ipv6: z.boolean().default(false),
  dryRun: z.boolean().default(false),
  /** Both: --wait; neither: true by default. */
  wait: z.boolean().optional(),
})
export type CreateFlags = z.infer<typeof CreateFlags>

/** The request that flags and name ask for. Throws `invalid` with the flag, the value, the rule and the remedy. */
export function createRequest(name: string, flags: CreateFlags, req: string): NetworkCreateRequest {
  const driver = withFlag('--driver', () => driverFor(flags.driver)).name
  const subnets = subnetRequests(flags)
  const request: z.input<typeof NetworkCreateRequest> = {
    req,
    name: parseWith(Name, name, 'network name'),
    driver,
    subnets,
    auxAddresses: auxAddresses(flags),
    options: driverOptions(driver, flags.opt),
    labels: parseLabels('--label', flags.label),
    internal: flags.internal,
    ipv4: parseFlag('--ipv4', flags.ipv4),
    ipv6: flags.ipv6,
    dryRun: flags.dryRun,
  }
  return parseWith(NetworkCreateRequest, request, 'network create request')
}

function driverOptions(driver: string, opts: readonly string[]): Record<string, string> {
  const options = parsePairs('--opt', opts, 'mtu=1400')
  parseOptions(driverFor(driver), options)
  return options
}

export interface Slot {
  readonly subnet: Cidr
  readonly request: { subnet: string; gateway?: string; ipRange?: string }
}

/** The subnets of flags, with their gateways. */
export function subnetSlots(flags: Pick<CreateFlags, 'subnet' | 'gateway'>): Slot[] {
  const slots: Slot[] = flags.subnet.map((text) => ({
    subnet: withFlag('--subnet', () => parseCidr(text)),
    request: { subnet: text },
  }))
  for (const text of flags.gateway) {
    const gateway = withFlag('--gateway', () => parseAddress(text))
    fill(slots, '--gateway', text, 'gateway', (subnet) => containsAddress(subnet, gateway))
  }
  return slots
}

function subnetRequests(flags: CreateFlags): z.input<typeof SubnetRequest>[] {
  const slots = subnetSlots(flags)
  for (const text of flags.ipRange) {
    const range = withFlag('--ip-range', () => parseCidr(text))
    fill(slots, '--ip-range', text, 'ipRange', (subnet) => containsCidr(subnet, range))
  }
  return slots.map((slot) => slot.request)
}

/** Puts a value where it fits. @throws `invalid` when it fits nowhere, or another is there */
export function fill(
  slots: readonly Slot[],
  flag: string,
  text: string,
  field: 'gateway' | 'ipRange',
  fits: (subnet: Cidr) => boolean,
): void {
  const slot = slots.find(({ subnet }) => fits(subnet))
  if (slot === undefined) throw outside(flag, text, slots)
  const taken = slot.request[field]
  if (taken !== undefined)
    throw bad(flag, text, `subnet ${slot.request.subnet} has ${taken} already`, 'give one for each subnet')
  slot.request[field] = text
}

function auxAddresses(flags: CreateFlags): Record<string, string> {
  const pairs = parsePairs('--aux-address', flags.auxAddress, 'router=10.20.0.5')
  const subnets = flags.subnet.map((text) => parseCidr(text))
  for (const [name, text] of Object.entries(pairs)) {
    const address: Address = withFlag('--aux-address', () => parseAddress(text))
    if (!subnets.some((subnet) => containsAddress(subnet, address)))
      throw outside(
        '--aux-address',
        `${name}=${text}`,
        flags.subnet.map((subnet) => ({ request: { subnet } })),
      )
  }
  return pairs
}

function outside(flag: string, text: string, slots: readonly { request: { subnet: string } }[]): WeftError {
  if (slots.length === 0) return bad(flag, text, 'it needs the subnet that it lies in', 'give that too: --subnet CIDR')
  const given = slots.map(({ request }) => request.subnet).join(', ')
  return bad(flag, text, `it lies in none of the subnets given (${given})`, 'choose one inside, or add its --subnet')
}
