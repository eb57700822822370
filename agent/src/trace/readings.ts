/** What the kernel tells of a sandbox, as text: /proc/net/snmp and snmp6 (RFC 2011, RFC 4293), `ip -j`. Pure. */
import type { TraceEnd, TraceTry } from '@weft/shared'
import { z } from 'zod'

const Addresses = z.array(
  z.object({
    ifname: z.string(),
    flags: z.array(z.string()),
    addr_info: z.array(z.object({ local: z.string().optional(), scope: z.string().optional() })),
  }),
)

/** One interface in what `ip -j address show` prints; undefined where there is none. Link-local addresses are left out. */
export function linkIn(listing: string, name: string): TraceEnd['link'] {
  const found = Addresses.parse(JSON.parse(listing)).find(({ ifname }) => ifname === name)
  if (found === undefined) return undefined
  const addresses = found.addr_info.flatMap(({ local, scope }) =>
    local === undefined || scope === 'link' ? [] : local,
  )
  return { name, up: found.flags.includes('UP'), addresses }
}

/** Echo requests that came in, by family; 0 for a family that the kernel does not have. */
export function echoesIn(snmp: string, snmp6: string): TraceEnd['echoes'] {
  const [names = [], values = []] = snmp
    .split('\n')
    .flatMap((line) => (line.startsWith('Icmp:') ? [line.split(' ')] : []))
  return { 4: Number(values[names.indexOf('InEchos')] ?? 0), 6: Number(/^Icmp6InEchos\s+(\d+)/m.exec(snmp6)?.[1] ?? 0) }
}

const Routes = z.array(
  z.object({ dev: z.string(), gateway: z.string().optional(), via: z.object({ host: z.string() }).optional() }),
)

/** What `ip -j route get` prints. */
export function routeIn(listing: string): TraceTry['route'] {
  const [route] = Routes.parse(JSON.parse(listing))
  if (route === undefined) return undefined
  const via = route.gateway ?? route.via?.host
  return { link: route.dev, ...(via === undefined ? {} : { via }) }
}

const Neighbours = z.array(z.object({ dst: z.string(), lladdr: z.string().optional(), state: z.array(z.string()) }))

/** The MAC in what `ip -j neighbour show` prints of one address; undefined where nobody has answered for it. */
export function macIn(listing: string): string | undefined {
  return Neighbours.parse(JSON.parse(listing)).find(({ state }) => !state.includes('FAILED'))?.lladdr
}
