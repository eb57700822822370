/** Between the agent's records, what the plan expands, and what the controller is told. Pure. */
import {
  type Attachment,
  EndpointName,
  type EndpointReport,
  type EntryMap,
  interfaceName,
  type LocalEndpoint,
  MOST_PORTS,
  type NetworkSpec,
  type PublishedPort,
} from '@weft/shared'
import { egressOf, keptEgress, withdrawnRoutes } from './egress.ts'
import { COMMON_TRAITS, type InterfaceTraits, networkOf, otherSubnets, traitsOf } from './networks.ts'
import { isWired, type LocalRecord, type LocalRecords } from './records.ts'
import { NO_WAYS, waysOut } from './ways-out.ts'

/** The wired endpoints of this host, by network, as the drivers take them. */
export function localEndpoints(records: LocalRecords, entries: EntryMap): Map<string, LocalEndpoint[]> {
  const byNetwork = new Map<string, LocalEndpoint[]>()
  const traitsByNetwork = new Map<string, InterfaceTraits>()
  const ways = waysOut(records, entries)
  for (const record of records.values()) {
    if (!isWired(record)) continue
    const network = networkOf(entries, record.network)
    const traits = traitsByNetwork.get(record.network) ?? (network === undefined ? COMMON_TRAITS : traitsOf(network))
    traitsByNetwork.set(record.network, traits)
    const { gateways, devices } = ways.get(record.uid) ?? NO_WAYS
    const withdrawn = network === undefined ? [] : withdrawnRoutes(record, network)
    const keeps = network === undefined ? undefined : keptEgress(record, network)
    const endpoint: LocalEndpoint = {
      uid: record.uid,
      mac: record.mac,
      addresses: record.addresses,
      ...(traits.sharesMac ? { sharesMac: true } : {}),
      gateways,
      ...(devices.length > 0 ? { deviceRoutes: devices } : {}),
      ...(withdrawn.length > 0 ? { withdrawn } : {}),
      ...(keeps === undefined ? {} : { keeps }),
      // Subnets may be added while it runs.
      routes:
        network === undefined ? [] : otherSubnets(network, record.addresses).map((destination) => ({ destination })),
      attachment: attachmentOf(record),
      // Until Docker is done with it, it looks for the name that it gave.
      ...(record.ifname !== undefined && record.settled ? { ifname: record.ifname } : {}),
      ...(network === undefined ? {} : openPorts(record, network)),
      ...(record.attached === undefined ? {} : { ipv6: record.addresses.some((address) => address.includes(':')) }),
      ...(record.name === undefined ? {} : { name: record.name }),
    }
    const known = byNetwork.get(record.network)
    if (known === undefined) byNetwork.set(record.network, [endpoint])
    else known.push(endpoint)
  }
  return byNetwork
}

function attachmentOf(record: LocalRecord): Attachment {
  const own = { netns: '', name: interfaceName('container', record.uid) }
  const { phase, sandbox, link } = record
  if (phase === 'new') return { phase, link: own }
  if (phase === 'sandbox' && sandbox !== undefined && link !== undefined) {
    return { phase, link: { netns: sandbox, name: link } }
  }
  return { phase: 'in-flight', link: own, ...(sandbox === undefined ? {} : { sandbox }) }
}

/** A record after the plan saw where its interface is; the very same object when nothing is new. */
export function withAttachment(record: LocalRecord, attachment: Attachment, now: number): LocalRecord {
  if (attachment.phase === 'sandbox' && record.phase === 'in-flight' && record.sandbox === attachment.link.netns) {
    const { name } = attachment.link
    const dockers = record.ifname === undefined || record.attached !== undefined ? {} : { dockerLink: name }
    return { ...record, phase: 'sandbox', link: name, ...dockers, since: now }
  }
  if (attachment.phase === 'sandbox' && record.phase === 'sandbox' && attachment.link.name !== record.link)
    return { ...record, link: attachment.link.name }
  if (attachment.phase === 'in-flight' && record.phase === 'sandbox') {
    const { link: _, ...rest } = record
    return { ...rest, phase: 'in-flight' }
  }
  return record
}

/** Namespace files that must be looked into. */
export function sandboxesOf(records: LocalRecords): string[] {
  const wired = [...records.values()].filter(isWired)
  return [...new Set(wired.flatMap(({ sandbox }) => sandbox ?? []))].sort()
}

/** What `-p` asked for is open while Weft's gateway leads in. */
function openPorts(record: LocalRecord, network: NetworkSpec): { ports?: readonly PublishedPort[] } {
  return record.ports === undefined || egressOf(record, network) !== 'weft' ? {} : { ports: record.ports }
}

/** What the controller is told of a record. Names that it would not take are left out: Docker allows more than DNS. */
export function reportOf(record: LocalRecord, entries: EntryMap): EndpointReport {
  const name = EndpointName.safeParse(record.name)
  const network = networkOf(entries, record.network)
  const { ports } = network === undefined ? {} : openPorts(record, network)
  const { joinedEgress, egress } = isWired(record) ? record : {}
  return {
    uid: record.uid,
    state: record.phase === 'detached' ? 'detached' : 'attached',
    ...(name.success ? { name: name.data } : {}),
    aliases: record.aliases.filter((alias) => EndpointName.safeParse(alias).success).slice(0, 64),
    ...(record.containerId === undefined ? {} : { containerId: record.containerId }),
    ...(record.dockerEndpointId === undefined ? {} : { dockerEndpointId: record.dockerEndpointId }),
    ...(ports === undefined ? {} : { ports: ports.slice(0, MOST_PORTS) }),
    ...(joinedEgress === undefined ? {} : { joinedEgress }),
    ...(egress === undefined ? {} : { egress }),
  }
}
