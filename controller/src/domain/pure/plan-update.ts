/** From an update request and the cluster as it is to everything that changes of a network. Pure; checks all rules. */
import {
  changedOptions,
  driverFor,
  type NetworkChange,
  type NetworkUpdateRequest,
  parseOptions,
  resolveOptions,
  WeftError,
  whyFixed,
} from '@weft/shared'
import { change, mapChanges, needsNewNetwork } from './changes.ts'
import { checkPlaced } from './check-placed.ts'
import { egressWarnings } from './egress-warnings.ts'
import { type NetworkPlan, refuseNatWithout } from './plan-network.ts'
import { type AuxChange, planSubnetChanges, type SubnetChange } from './plan-subnet-changes.ts'
import type { NetworkRecord } from './records.ts'
import { checkIpv6Mtu, settleMtu } from './settle-mtu.ts'
import { type ClusterView, subnetsOf } from './view.ts'

export interface UpdatePlan {
  readonly record: NetworkRecord
  /** Existing subnets whose record changes. */
  readonly subnets: readonly SubnetChange[]
  readonly added: NetworkPlan['subnets']
  readonly auxiliary: readonly AuxChange[]
  /** In words; empty: nothing differs. */
  readonly changes: readonly NetworkChange[]
  readonly warnings: readonly string[]
}

/**
 * What is to be removed and is not there is no change.
 * @throws `unsupported` (it needs a new network: the error says why), `invalid`, `conflict` (an address or a subnet is
 * somebody's: the error names whose)
 */
export function planUpdate(view: ClusterView, network: NetworkRecord, request: NetworkUpdateRequest): UpdatePlan {
  const labels = altered('label', network.labels, request.labels, request.labelsRemove)
  const settled = settleOptions(view, network, request)
  const subnets = planSubnetChanges(view, network, request)
  const record = {
    ...network,
    labels,
    ...settled.fields,
    subnets: [...network.subnets, ...subnets.added.map(({ uid }) => uid)],
  }
  checkPlaced(view, record)
  const changes = [...mapChanges('label', network.labels, labels), ...settled.changes, ...subnets.words]
  const warnings = [...egressWarnings(view, network, record.egress), ...subnets.warnings]
  return { record, ...subnets, changes, warnings: changes.length === 0 ? [] : warnings }
}

interface SettledOptions {
  readonly fields: Pick<NetworkRecord, 'options' | 'egress' | 'mtu'>
  readonly changes: readonly NetworkChange[]
}

/** The options, and what follows from them. Only what the driver calls live may change. */
function settleOptions(view: ClusterView, network: NetworkRecord, request: NetworkUpdateRequest): SettledOptions {
  const driver = driverFor(network.driver)
  const removed = Object.keys(resolveOptions(driver, Object.fromEntries(request.optionsRemove.map((key) => [key, '']))))
  const options = altered('option', network.options, resolveOptions(driver, request.options), removed)
  const changed = changedOptions(driver, network.options, options)
  for (const { name, before, after } of changed) {
    const why = whyFixed(driver, name)
    if (why !== undefined)
      throw needsNewNetwork(network.name, `${name}=${after ?? ''} (now ${before ?? 'not given'})`, why)
  }
  const { egress, mtu } = network
  if (changed.length === 0) return { fields: { options: network.options, egress, mtu }, changes: [] }
  const parsed = parseOptions(driver, options)
  const fields = {
    options,
    egress: network.internal ? ('none' as const) : (driver.egress(parsed) ?? driver.defaultEgress),
    mtu: changed.some(({ name }) => name === 'mtu')
      ? settleMtu(view, driver.mtu(parsed), (family) => driver.overheadBytes(parsed, family))
      : mtu,
  }
  refuseNatWithout(driver, parsed, fields.egress)
  checkIpv6Mtu(
    fields.mtu,
    subnetsOf(view, network).map(({ cidr }) => cidr),
  )
  const derived = [change('MTU', mtu?.toString(), fields.mtu?.toString()), change('egress', egress, fields.egress)]
  return { fields, changes: [...mapChanges('option', network.options, options), ...derived.flat()] }
}

/** @throws `invalid` for a key that is both set and removed */
function altered(
  what: string,
  before: Readonly<Record<string, string>>,
  set: Readonly<Record<string, string>>,
  remove: readonly string[],
): Record<string, string> {
  for (const key of remove) {
    if (Object.hasOwn(set, key)) {
      const why = 'it is to be set and to be removed'
      throw new WeftError('invalid', { what: `${what} named twice`, on: key, why, remedy: 'ask for one of them' })
    }
  }
  const kept = Object.entries(before).filter(([key]) => !remove.includes(key))
  return Object.fromEntries([...kept, ...Object.entries(set)].sort(([a], [b]) => (a < b ? -1 : 1)))
}
