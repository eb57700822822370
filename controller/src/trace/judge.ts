/** What came of trying a way, in the order in which packets meet it. Pure. */
import { type DoctorFinding, familyOf, isLoopbackHost, type TraceEnd, type TraceTry } from '@weft/shared'
import type { Way } from './way.ts'

/** What an agent told, or why it told nothing. */
export type Told<T> = { readonly told: T } | { readonly why: string }

export interface Trial {
  readonly way: Way
  readonly port: number | undefined
  readonly near: Told<TraceEnd>
  /** Before the try and after it; undefined where the address is nobody's of the cluster. */
  readonly far: { readonly before: Told<TraceEnd>; readonly after: Told<TraceEnd> } | undefined
  readonly tried: Told<TraceTry>
}

export interface Judgement {
  readonly findings: readonly DoctorFinding[]
  readonly reached: boolean
  /** Packets leave the one host and do not come to the other. */
  readonly lost: boolean
}

export function judge(trial: Trial): Judgement {
  const { way, near, far, tried } = trial
  const interfaces = [
    ...interfaceOf(way, way.from, near),
    ...(way.to === undefined || far === undefined ? [] : interfaceOf(way, way.to, far.after)),
  ]
  if ('why' in tried) {
    const skipped: DoctorFinding = about(way, 'echo', 'skipped', `could not be tried: ${tried.why}`)
    return { findings: [...interfaces, skipped], reached: false, lost: false }
  }
  const { echo, tcp } = tried.told
  const arrived = arrivedAt(trial)
  const isCrossing = way.to !== undefined && way.to.host !== way.from.host
  const isLost = !echo && tcp !== 'open' && tcp !== 'refused' && arrived === false && tried.told.route !== undefined
  return {
    findings: [
      ...interfaces,
      ...routeOf(way, near, tried.told),
      ...echoOf(way, tried.told, arrived),
      ...tcpOf(trial, tried.told),
    ],
    reached: tcp === undefined ? echo : tcp === 'open',
    lost: isLost && isCrossing,
  }
}

/** Whether more echo requests are counted at the far end than before; undefined where that was not seen. */
function arrivedAt({ way, far }: Trial): boolean | undefined {
  if (far === undefined || !('told' in far.before) || !('told' in far.after)) return undefined
  const family = familyOf(way.address)
  return far.after.told.echoes[family] > far.before.told.echoes[family]
}

function about(
  { from, to }: Way,
  check: string,
  severity: DoctorFinding['severity'],
  measured: string,
  more: Pick<DoctorFinding, 'why' | 'remedy'> = {},
): DoctorFinding {
  const hosts = [...new Set([from.host, ...(to === undefined ? [] : [to.host])])]
  return { check, severity, hosts, measured: measured.slice(0, 2000), ...more }
}

const called = ({ name, uid }: Way['from']) => name ?? uid

/** That an end has its interface, up, with all of its addresses. */
function interfaceOf({ network }: Way, end: Way['from'], told: Told<TraceEnd>): DoctorFinding[] {
  const finding = (severity: DoctorFinding['severity'], measured: string, more = {}): DoctorFinding[] => [
    { check: 'interface', severity, hosts: [end.host], measured: measured.slice(0, 2000), ...more },
  ]
  if ('why' in told) return finding('skipped', `${called(end)}: ${told.why}`)
  const { link } = told.told
  const mend = {
    why: 'the agent makes it anew within two seconds, unless something keeps it from it',
    remedy: `weft status; weft doctor ${end.host}`,
  }
  if (link === undefined) return finding('error', `${called(end)} has no interface in network ${network.name}`, mend)
  if (!link.up) return finding('error', `${link.name} of ${called(end)} is down`, mend)
  const missing = end.addresses.map(({ ip }) => ip).filter((ip) => !link.addresses.includes(ip))
  if (missing.length > 0) return finding('error', `${link.name} of ${called(end)} lacks ${missing.join(' and ')}`, mend)
  return finding('ok', `${link.name} of ${called(end)} is up, with ${link.addresses.join(' and ')}`)
}

/** That packets leave by the interface in this network. */
function routeOf(way: Way, near: Told<TraceEnd>, { route, mac }: TraceTry): DoctorFinding[] {
  const { from, network, address, router } = way
  if (route === undefined) {
    const why = 'its routing table leads nowhere: ip route in the container'
    return [
      about(way, 'route', 'error', `${called(from)} has no route to ${address}`, {
        why,
        remedy: `weft doctor ${from.host}`,
      }),
    ]
  }
  const by = `by ${route.link}${route.via === undefined ? '' : ` and ${route.via}`}`
  const link = 'told' in near ? near.told.link?.name : undefined
  if (link !== undefined && link !== route.link && way.to !== undefined) {
    return [
      about(
        way,
        'route',
        'warn',
        `${called(from)} sends to ${address} ${by}, not by ${link} of network ${network.name}`,
        {
          why: 'a route that somebody made in the container, or one of its other networks, comes first',
          remedy: `look in the container: ip route get ${address}`,
        },
      ),
    ]
  }
  const hop = mac === undefined ? '' : `, whose next hop is ${mac}`
  const through = router === undefined ? '' : `, through router ${router}`
  const inside = way.to === undefined ? '' : ` of network ${network.name}`
  return [about(way, 'route', 'ok', `${called(from)} sends to ${address} ${by}${inside}${hop}${through}`)]
}

function echoOf(way: Way, { echo, tcp, route }: TraceTry, arrived: boolean | undefined): DoctorFinding[] {
  const { address, to } = way
  if (echo) return [about(way, 'echo', 'ok', `${address} answers echo requests (ICMP)`)]
  if (route === undefined) return []
  const who = to === undefined ? address : called(to)
  if (arrived === true) {
    return [
      about(way, 'echo', tcp === 'open' ? 'warn' : 'error', `echo requests come to ${who}, and it does not answer`, {
        why: 'the way there is whole; the container keeps silent, or its answers take another way',
        remedy: `in ${who}: its firewall (nft list ruleset, iptables -S), net.ipv4.icmp_echo_ignore_all, ip route`,
      }),
    ]
  }
  if (tcp === 'open' || tcp === 'refused') {
    const why = 'the way is whole: TCP is answered'
    return [
      about(way, 'echo', 'warn', `${address} answers no echo request (ICMP)`, {
        why,
        remedy: 'something on the way drops ICMP',
      }),
    ]
  }
  const measured =
    arrived === false ? `no echo request to ${address} comes to ${who}` : `${address} answers no echo request (ICMP)`
  const why =
    to === undefined
      ? 'it is beyond the cluster: the host has no way there, or what has the address does not answer'
      : 'they are lost on the way, or dropped by a firewall before the container’s own network stack'
  const remedy =
    to === undefined
      ? `on ${way.from.host}: ping ${address}`
      : `weft doctor ${[...new Set([way.from.host, to.host])].join(' ')}`
  return [about(way, 'echo', 'error', measured, { why, remedy })]
}

function tcpOf({ way, port, far }: Trial, { tcp, route }: TraceTry): DoctorFinding[] {
  if (port === undefined || tcp === undefined || route === undefined) return []
  const { address, to } = way
  if (tcp === 'open') return [about(way, 'tcp', 'ok', `a TCP connection to ${address} port ${port} opens`)]
  const who = to === undefined ? address : called(to)
  const listens = far !== undefined && 'told' in far.after ? far.after.told.listens : undefined
  if (listens !== undefined && listens.length === 0) {
    return [
      about(way, 'tcp', 'error', `nobody in ${who} listens on TCP port ${port}`, {
        why: tcp === 'refused' ? 'its kernel refuses the connection' : 'no connection opens',
        remedy: `start what is to listen, or ask for its port: docker exec ${who} netstat -ltn`,
      }),
    ]
  }
  if (listens?.every(isLoopbackHost) === true) {
    return [
      about(way, 'tcp', 'error', `${who} listens on TCP port ${port} on ${listens.join(' and ')} only`, {
        why: 'what listens on loopback is reached from inside the container alone',
        remedy: 'have it listen on all addresses: 0.0.0.0, or :: for both families',
      }),
    ]
  }
  const held = listens === undefined ? '' : `, though somebody listens on ${listens.join(' and ')}`
  const verb = tcp === 'refused' ? 'is refused' : 'is not answered'
  return [
    about(way, 'tcp', 'error', `a TCP connection to ${address} port ${port} ${verb}${held}`, {
      why:
        tcp === 'refused' ? 'something answers for it, and refuses' : 'it is dropped on the way, or in the container',
      remedy: `in ${who}: its firewall (nft list ruleset, iptables -S), and on which address it listens (netstat -ltn)`,
    }),
  ]
}
