/** The endpoint of a namespace that is to be attached: an address of each family from the controller, as one record. */
import { type HostRequest, type NetworkSpec, WeftError } from '@weft/shared'
import { claimed } from '../docker/endpoint-address.ts'
import type { Pool } from '../docker/pools.ts'
import { mergeRecords, type SettleOptions } from '../docker/settle-record.ts'
import { subnetOf } from '../state/networks.ts'
import { type LocalRecord, withRecord, withReleased } from '../state/records.ts'

type Wish = Pick<HostRequest<'attach'>, 'ip' | 'ip6' | 'mac' | 'name'>

export interface ClaimOptions extends SettleOptions {
  readonly now: () => number
  readonly onReleased: () => void
}

const CLAIM_MS = 4_000

/** What was claimed before a failure is given back. @throws what a claim threw, `invalid` for a network without a subnet */
export async function claimEndpoint(
  parts: ClaimOptions,
  network: NetworkSpec,
  { ip, ip6, mac, name }: Wish,
): Promise<LocalRecord> {
  const { store, newRequestId, onReleased } = parts
  const records: LocalRecord[] = []
  try {
    for (const [isIpv6, asked] of [
      [false, ip],
      [true, ip6],
    ] as const) {
      const first = network.subnets.find(({ cidr }) => cidr.includes(':') === isIpv6)
      const subnet = asked === undefined ? first : subnetOf(network, asked)
      // A reservation has addresses of both families.
      const has = records.some(({ addresses }) => addresses.some((each) => each.includes(':') === isIpv6))
      if (subnet !== undefined && !has) records.push(await claimIn(parts, { network, subnet }, asked, name))
    }
    const [primary, ...others] = records
    if (primary === undefined) throw new WeftError('invalid', { what: 'the network has no subnet', on: network.name })
    return await mergeRecords(parts, [primary, ...others], mac, '')
  } catch (error) {
    const uids = records.map(({ uid }) => uid)
    store.change((state) => withReleased(state, uids, newRequestId()))
    onReleased()
    throw error
  }
}

async function claimIn(
  { store, controller, fence, newRequestId, now }: ClaimOptions,
  { network, subnet }: Pool,
  asked: string | undefined,
  name: string | undefined,
): Promise<LocalRecord> {
  const request = { ...(await fence()), req: newRequestId(), network: network.uid, subnet: subnet.uid }
  const names = name === undefined ? {} : { names: [name] }
  const wish = { ...request, ...names, ...(asked === undefined ? {} : { address: asked }) }
  const answer = await controller.ask('claim', wish, CLAIM_MS)
  const askers = name === undefined ? [] : [{ id: '', name }]
  const record = claimed({ network, subnet }, answer, askers, { asked: asked !== undefined, now: now() })
  store.change((state) => withRecord(state, record))
  return record
}
