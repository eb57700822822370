/**
 * Names as the containers of a network hear them: container name, aliases (Docker puts the short id and the host name
 * among them), each also with `.network` behind it; and addresses, as PTR. Only what is attached has names.
 */
import { closest, type DnsView, formatAddress, parseAddress, WeftError } from '@weft/shared'
import { networkByRef } from './find.ts'
import type { EndpointRecord } from './records.ts'
import type { ClusterView } from './view.ts'

/** @throws `not_found` for an unknown network, and for a name that leads nowhere, with the name that was probably meant */
export function lookUpName(view: ClusterView, name: string, network?: string): DnsView[] {
  const only = network === undefined ? undefined : networkByRef(view, network).value.uid
  const attached = [...view.endpoints.values()]
    .map(({ value }) => value)
    .filter((endpoint) => endpoint.state === 'attached' && (only === undefined || endpoint.network === only))
  const wanted = canonical(name)
  const found = attached.filter((endpoint) => namesOf(view, endpoint).includes(wanted))
  if (found.length > 0) return found.map((endpoint) => dnsView(view, endpoint)).sort(byName)
  throw missing(view, name, attached, network)
}

/** All that leads to an endpoint, lower-case. */
function namesOf(view: ClusterView, endpoint: EndpointRecord): string[] {
  const suffix = networkName(view, endpoint)
  const names = plainNames(endpoint).map((each) => each.toLowerCase())
  return [...names, ...names.map((each) => `${each}.${suffix}`), ...endpoint.addresses.map(({ ip }) => ip)]
}

function plainNames({ name, aliases, containerId }: EndpointRecord): string[] {
  const shortId = containerId?.slice(0, 12)
  return [...new Set([...(name === undefined ? [] : [name]), ...aliases, ...(shortId === undefined ? [] : [shortId])])]
}

function networkName(view: ClusterView, { network }: EndpointRecord): string {
  return view.networks.get(network)?.value.name ?? network
}

function dnsView(view: ClusterView, endpoint: EndpointRecord): DnsView {
  const network = networkName(view, endpoint)
  return {
    name: `${endpoint.name ?? endpoint.aliases[0] ?? endpoint.uid}.${network}`,
    network,
    addresses: endpoint.addresses.map(({ ip }) => ip),
    host: endpoint.host,
    ...(endpoint.name === undefined ? {} : { container: endpoint.name }),
    endpoint: endpoint.uid,
  }
}

function byName(a: DnsView, b: DnsView): number {
  const order = ({ network, name, host, endpoint }: DnsView) => [network, name, host, endpoint].join(' ')
  return order(a) < order(b) ? -1 : 1
}

/** Names without regard to case or a dot at their end, addresses in their one text. */
function canonical(name: string): string {
  try {
    return formatAddress(parseAddress(name))
  } catch {
    return name.toLowerCase().replace(/\.$/, '')
  }
}

function missing(
  view: ClusterView,
  name: string,
  attached: readonly EndpointRecord[],
  network: string | undefined,
): WeftError {
  const known = attached.flatMap((endpoint) => [
    ...plainNames(endpoint),
    ...plainNames(endpoint).map((each) => `${each}.${networkName(view, endpoint)}`),
  ])
  const near = closest(name, known)
  const where = network === undefined ? 'any network' : `network ${network}`
  return new WeftError('not_found', {
    what: 'no such name',
    on: name,
    why: `no running container of ${where} has it`,
    remedy: near === undefined ? 'see weft endpoint ls' : `did you mean ${near}?`,
  })
}
