/** Routers as a kind of the declarative layer. A named router is in the networks that the file gives it, and in no other. */
import { IpText, Name, type RouterView } from '@weft/shared'
import { z } from 'zod'
import type { Fixed, Kind, Step } from './kind.ts'
import { orEmpty, told, unlessEmpty } from './scalars.ts'

const LegFile = z.strictObject({
  address: IpText.optional().meta({ description: 'the router’s in the network; of Weft’s choice when left out' }),
})
type LegFile = z.output<typeof LegFile>

const RouterFile = z.strictObject({
  host: Name.optional().meta({ description: 'where it is to be while that host lives' }),
  networks: orEmpty(z.record(Name, orEmpty(LegFile))),
})
type RouterFile = z.output<typeof RouterFile>

export const RoutersFile = z.record(Name, orEmpty(RouterFile))

export const routers: Kind<z.output<typeof RoutersFile>> = {
  key: 'routers',
  summary: 'Routers, and the networks that reach each other through them.',
  names: ['ROUTER', 'NETWORK'],
  schema: RoutersFile,
  async read(client) {
    const present = await client.call('routerList', {})
    const byName = new Map(present.map((router) => [router.name, router]))
    return {
      described: unlessEmpty(Object.fromEntries(present.map((router) => [router.name, described(router)]))),
      steps: (wanted) => [
        ...Object.entries(wanted).flatMap(([name, file]) => routerSteps(name, byName.get(name), file)),
        ...present.filter(({ name }) => !Object.hasOwn(wanted, name)).map(removal),
      ],
    }
  },
}

function described({ preferred, legs }: RouterView): object {
  const networks = legs.map(({ network, addresses: [address] }) => [network.name, told({ address })] as const)
  return told({ host: preferred, networks: unlessEmpty(Object.fromEntries(networks)) })
}

function routerSteps(name: string, router: RouterView | undefined, file: RouterFile): Step[] {
  const legs = new Map(router?.legs.map((leg) => [leg.network.name, leg.addresses]))
  const right = (network: string, { address }: LegFile) =>
    address === undefined ? legs.has(network) : legs.get(network)?.includes(address) === true
  const wrong = [...legs].filter(([network]) => {
    const leg = file.networks[network]
    return leg === undefined || !right(network, leg)
  })
  const missing = Object.entries(file.networks).filter(([network, leg]) => !right(network, leg))
  return [
    ...(router === undefined ? [creation(name, file.host)] : moved(router, file)),
    ...wrong.map(([network, addresses]) => disconnection({ router: name, network }, addresses)),
    ...missing.map(([network, leg]) => connection({ router: name, network }, leg)),
  ]
}

/** The host that a router prefers is said when it is made. */
function moved({ name, preferred }: RouterView, { host }: RouterFile): Step[] {
  if (host === preferred) return []
  const fixed: Fixed[] = [
    {
      what: `host: ${preferred ?? '(none)'} -> ${host ?? '(none)'}`,
      why: 'a router is told which host it prefers when it is made; remove it and apply again',
    },
  ]
  return [
    {
      ...creation(name, host),
      verb: 'update',
      fixed,
    },
  ]
}

function creation(name: string, host: string | undefined): Step {
  return {
    verb: 'create',
    subject: `router ${name}`,
    needs: [],
    frees: [],
    fixed: [],
    where: { hosts: host === undefined ? [] : [host] },
    async check(client) {
      if (host !== undefined) await client.call('hostInspect', { params: { ref: host } })
      return { changes: [{ what: 'host', after: host ?? 'of Weft’s choice' }], warnings: [] }
    },
    async run(client, newRequestId) {
      const body = { req: newRequestId(), name, ...(host === undefined ? {} : { preferred: host }) }
      return (await client.call('routerCreate', { body })).revision
    },
  }
}

function removal({ name, host, legs }: RouterView): Step {
  return {
    verb: 'remove',
    subject: `router ${name}`,
    needs: [],
    frees: legs.map(({ network }) => `remove network ${network.name} `),
    prune: true,
    fixed: [],
    where: { hosts: [host] },
    check: async () => ({ changes: [{ what: 'host', before: host }], warnings: [] }),
    async run(client, newRequestId) {
      return (await client.call('routerRemove', { params: { ref: name }, query: { req: newRequestId() } })).revision
    },
  }
}

interface Leg {
  readonly router: string
  readonly network: string
}

function connection({ router, network }: Leg, { address }: LegFile): Step {
  return {
    verb: 'create',
    subject: `leg of router ${router} in ${network}`,
    needs: [`router ${router} `, `network ${network} `],
    frees: [],
    fixed: [],
    where: { network: undefined },
    async check(client) {
      await client.call('networkInspect', { params: { ref: network } })
      await client.call('routerInspect', { params: { ref: router } })
      return { changes: [{ what: 'address', after: address ?? 'of Weft’s choice' }], warnings: [] }
    },
    async run(client, newRequestId) {
      const body = { req: newRequestId(), network, ...(address === undefined ? {} : { address }) }
      return (await client.call('routerConnect', { params: { ref: router }, body })).revision
    },
  }
}

function disconnection({ router, network }: Leg, addresses: readonly string[]): Step {
  return {
    verb: 'remove',
    subject: `leg of router ${router} in ${network} (${addresses.join(' ')})`,
    needs: [],
    frees: [`remove network ${network} `],
    fixed: [],
    where: { network: undefined },
    check: async () => ({ changes: [{ what: 'address', before: addresses.join(' ') }], warnings: [] }),
    async run(client, newRequestId) {
      const params = { ref: router, network }
      return (await client.call('routerDisconnect', { params, query: { req: newRequestId() } })).revision
    },
  }
}
