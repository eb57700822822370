/** Routes that came after a network: containers on it reach the one or the other, not both (PAINS 18, 24). */
import { type Cidr, formatCidr, INTERFACE_PREFIX, overlaps, parseCidr, parseInterfaceAddress } from '@weft/shared'
import { z } from 'zod'
import { runProgram } from '../../kernel/run-program.ts'
import { hostCheck, type Verdict } from './check.ts'

interface Facts {
  readonly routes: readonly { readonly destination: string; readonly link: string }[]
  readonly networks: readonly {
    readonly name: string
    readonly subnets: readonly string[]
    /** On a wire: the LAN's own route is no obstacle. */
    readonly onWire: boolean
  }[]
}

export const routes = hostCheck<Facts>({
  name: 'routes',
  probe: async ({ networks }) => {
    const [v4, v6] = await Promise.all(['-4', '-6'].map((family) => runProgram('ip', ['-j', family, 'route', 'show'])))
    return {
      routes: [...parseRoutes(v4 ?? '', 4), ...parseRoutes(v6 ?? '', 6)],
      networks: networks.map(({ name, subnets, options }) => ({
        name,
        subnets: subnets.map(({ cidr }) => cidr),
        onWire: options.parent !== undefined,
      })),
    }
  },
  judge: ({ routes: all, networks }) => {
    const verdicts = networks
      .filter(({ onWire }) => !onWire)
      .flatMap(({ name, subnets }) => subnets.flatMap((subnet) => clashes(name, subnet, all)))
    if (verdicts.length > 0) return verdicts
    return [{ severity: 'ok', measured: `${all.length} routes, none of them into a network` }]
  },
})

function clashes(name: string, subnet: string, all: Facts['routes']): Verdict[] {
  const cidr = parseCidr(subnet)
  return all
    .filter(({ destination }) => overlaps(rangeOf(destination), cidr))
    .map(({ destination, link }) => ({
      severity: 'error',
      measured: `route ${destination} on ${link} overlaps ${subnet} of network ${name}`,
      why: `containers of ${name} do not reach what is behind the route, nor this host their outside, for those addresses`,
      remedy: `ip route del ${destination} dev ${link}, or make the network anew elsewhere: weft network rm ${name} && weft network create --subnet OTHER ${name}`,
    }))
}

function rangeOf(text: string): Cidr {
  const { address, prefixLength } = parseInterfaceAddress(text)
  const hostBits = BigInt((address.family === 4 ? 32 : 128) - prefixLength)
  return parseCidr(formatCidr({ family: address.family, base: (address.value >> hostBits) << hostBits, prefixLength }))
}

const Routes = z.array(z.object({ dst: z.string(), dev: z.string().optional(), type: z.string().optional() }))

/** Unicast routes with a destination that are not over our own links; default and link-local ones left out. */
function parseRoutes(text: string, family: 4 | 6): Facts['routes'] {
  return Routes.parse(JSON.parse(text.trim() === '' ? '[]' : text))
    .filter(({ dst, dev, type = 'unicast' }) => dst !== 'default' && type === 'unicast' && dev !== undefined)
    .map(({ dst, dev = '' }) => ({
      destination: dst.includes('/') ? dst : `${dst}/${family === 4 ? 32 : 128}`,
      link: dev,
    }))
    .filter(
      ({ destination, link }) =>
        !link.startsWith(INTERFACE_PREFIX) && !/^(fe80:|169\.254\.|.*\/[01]$)/.test(destination),
    )
}
