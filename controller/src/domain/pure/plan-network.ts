/** From a create request and the cluster as it is to everything that the new network will be. Pure; checks all rules. */
import {
  type Address,
  type Cidr,
  canonicalJson,
  type Driver,
  driverFor,
  type Egress,
  formatCidr,
  hash128,
  type NetworkCreateRequest,
  parseAddress,
  parseCidr,
  parseOptions,
  resolveOptions,
  WeftError,
} from '@weft/shared'
import { checkParentUse } from './check-parent-use.ts'
import { refuseDeaf } from './check-placed.ts'
import {
  checkFree,
  checkTogether,
  type Occupied,
  occupiedRanges,
  planSubnet,
  type SubnetPlan,
} from './check-subnets.ts'
import { chooseSubnet } from './default-pools.ts'
import { checkIpv6Mtu, settleMtu, warnOfPath } from './settle-mtu.ts'
import { NO_PARENT, settleParent } from './settle-parent.ts'
import { settleVni } from './settle-vni.ts'
import { uidOf } from './uids.ts'
import type { ClusterView } from './view.ts'

export interface NetworkPlan {
  readonly req: string
  readonly uid: string
  readonly name: string
  readonly driver: string
  readonly options: Record<string, string>
  readonly labels: Record<string, string>
  readonly internal: boolean
  readonly egress: Egress
  readonly mtu?: number
  readonly vni?: number
  readonly subnets: readonly (SubnetPlan & { readonly uid: string })[]
  readonly warnings: string[]
  readonly wish: string
}

/** Auxiliary addresses that one transaction can reserve, with what else it writes. */
const MOST_AUXILIARY = 40

/** @throws `invalid`, `conflict`, `exhausted`: always with the value, the rule and what to do */
export function planNetwork(view: ClusterView, request: NetworkCreateRequest, uid: string): NetworkPlan {
  const driver = driverFor(request.driver)
  const options = parseOptions(driver, request.options)
  const parent = driver.parent(options)
  checkParentUse(view, driver, request.options)
  refuseDeaf(driver, options)
  const egress = request.internal ? 'none' : (driver.egress(options) ?? driver.defaultEgress)
  refuseNatWithout(driver, options, egress)
  const settled = parent === undefined ? NO_PARENT : settleParent(view, parent)
  const replaced = request.subnets.map(({ subnet }) => parseCidr(subnet))
  const isReplaced = (host: string, cidr: Cidr) =>
    host === request.replaces && replaced.some((own) => sameCidr(own, cidr))
  const others = occupiedRanges(view, (host, cidr) => settled.ownRange(host, cidr) || isReplaced(host, cidr))
  const subnets = planSubnets(view, request, others)
  const vni = driver.allocates.includes('vni') ? settleVni(view, driver.vni(options)) : undefined
  const overhead = (family: 4 | 6) => driver.overheadBytes(options, family)
  const mtu = settleMtu(view, driver.mtu(options), overhead)
  checkIpv6Mtu(
    mtu,
    subnets.map(({ cidr }) => formatCidr(cidr)),
  )
  return {
    req: request.req,
    uid,
    name: request.name,
    driver: driver.name,
    options: resolveOptions(driver, request.options),
    labels: request.labels,
    internal: request.internal,
    egress,
    ...(mtu === undefined ? {} : { mtu }),
    ...(vni === undefined ? {} : { vni }),
    subnets: subnets.map((plan, index) => ({ ...plan, uid: uidOf('subnet', uid, String(index)) })),
    warnings: [
      ...settled.warnings,
      ...warnOfPath(view, mtu, overhead),
      ...(view.facts.size === 0 ? ['no host has joined yet'] : []),
    ],
    wish: wishOf(request),
  }
}

/** @throws `invalid` */
export function refuseNatWithout(driver: Driver, options: unknown, egress: Egress): void {
  if (driver.nat?.(options) === undefined || egress === 'weft') return
  throw new WeftError('invalid', {
    what: 'option without effect',
    on: 'nat',
    why: `the network’s way out is ${egress}; only Weft’s own gateway is told whether to translate`,
    remedy: 'leave it out (of a living network: --opt-rm nat), or add -o egress=weft',
  })
}

/** What was asked for, as a short text that is equal for equal requests. */
export function wishOf(request: NetworkCreateRequest): string {
  const { req: _, dryRun: __, ...content } = request
  return hash128(canonicalJson(content))
    .map((word) => word.toString(16).padStart(8, '0'))
    .join('')
}

function planSubnets(view: ClusterView, request: NetworkCreateRequest, others: readonly Occupied[]): SubnetPlan[] {
  const aux = parseAux(request.auxAddresses)
  const asked = request.subnets.map((subnet) => planSubnet(subnet, aux))
  checkTogether(asked, aux)
  for (const { cidr } of asked) checkFree(cidr, others)
  checkFamilies(request, asked)
  const families = [...(request.ipv4 ? [4] : []), ...(request.ipv6 || !request.ipv4 ? [6] : [])] as (4 | 6)[]
  const missing = families.filter((family) => !asked.some(({ cidr }) => cidr.family === family))
  const chosen = missing.map((family) => {
    const taken = [...others, ...asked.map(({ cidr }) => ({ cidr, by: '', remedy: '' }))]
    const cidr = chooseSubnet(family, view.cluster ?? '', taken)
    return planSubnet({ subnet: formatCidr(cidr) }, {})
  })
  return [...asked, ...chosen].sort((a, b) => a.cidr.family - b.cidr.family)
}

/** @throws `invalid` for an IPv4 subnet of a network without IPv4 */
function checkFamilies({ ipv4 }: NetworkCreateRequest, asked: readonly SubnetPlan[]): void {
  const odd = ipv4 ? undefined : asked.find(({ cidr }) => cidr.family === 4)
  if (odd === undefined) return
  throw new WeftError('invalid', {
    what: 'IPv4 subnet of a network without IPv4',
    on: formatCidr(odd.cidr),
    why: '--ipv4=false makes an IPv6-only network',
    remedy: 'leave one of the two out',
  })
}

/** @throws `invalid` */
export function parseAux(texts: Readonly<Record<string, string>>): Record<string, Address> {
  const entries = Object.entries(texts)
  if (entries.length > MOST_AUXILIARY) {
    throw new WeftError('invalid', {
      what: 'too many auxiliary addresses',
      on: String(entries.length),
      why: `a network takes ${MOST_AUXILIARY}`,
      remedy: 'leave a block out with --ip-range instead',
    })
  }
  return Object.fromEntries(entries.map(([name, text]) => [name, parseAddress(text)]))
}

function sameCidr(a: Cidr, b: Cidr): boolean {
  return a.family === b.family && a.base === b.base && a.prefixLength === b.prefixLength
}
