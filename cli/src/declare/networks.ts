/** Networks as a kind of the declarative layer. */
import { driverFor, type NetworkView, parseOptions } from '@weft/shared'
import type { Kind, Step } from './kind.ts'
import { type NetworkDifference, networkDifference } from './network-difference.ts'
import { type NetworkFile, NetworksFile } from './network-file.ts'
import { told, unlessEmpty } from './scalars.ts'

export const networks: Kind<NetworksFile> = {
  key: 'networks',
  summary: 'Networks, in the words of Compose.',
  names: ['NETWORK'],
  schema: NetworksFile,
  async read(client) {
    const present = await client.call('networkList', {})
    const byName = new Map(present.map((network) => [network.name, network]))
    return {
      described: unlessEmpty(Object.fromEntries(present.map((network) => [network.name, described(network)]))),
      steps: (wanted) => [
        ...Object.entries(wanted).flatMap(([name, file]) => {
          const actual = byName.get(name)
          return actual === undefined ? [creation(name, file)] : update(actual, networkDifference(file, actual))
        }),
        ...present.filter(({ name }) => !Object.hasOwn(wanted, name)).map(removal),
      ],
    }
  },
}

/** A network in the file's words; what Weft chose by itself is told too, so that it stays. */
export function described(network: NetworkView): object {
  const has = (six: boolean) => network.subnets.some(({ cidr }) => cidr.includes(':') === six)
  return told({
    driver: network.driver,
    driver_opts: unlessEmpty(network.options),
    labels: unlessEmpty(network.labels),
    internal: network.internal ? true : undefined,
    enable_ipv4: has(false) ? undefined : false,
    enable_ipv6: has(true) ? true : undefined,
    ipam: {
      config: network.subnets.map(({ cidr, gateway, ipRange, auxAddresses }) =>
        told({ subnet: cidr, gateway, ip_range: ipRange, aux_addresses: unlessEmpty(auxAddresses) }),
      ),
    },
  })
}

function creation(name: string, file: NetworkFile): Step {
  const driver = driverFor(file.driver)
  const uplink = driver.parent(parseOptions(driver, file.driver_opts))?.uplink
  const request = (req: string, dryRun: boolean) => ({
    req,
    name,
    driver: driver.name,
    subnets: file.ipam.config.map(({ subnet, gateway, ip_range }) => ({
      subnet,
      ...(gateway === undefined ? {} : { gateway }),
      ...(ip_range === undefined ? {} : { ipRange: ip_range }),
    })),
    auxAddresses: Object.assign({}, ...file.ipam.config.map((subnet) => subnet.aux_addresses)) as Record<
      string,
      string
    >,
    options: file.driver_opts,
    labels: file.labels,
    internal: file.internal,
    ipv4: file.enable_ipv4,
    ipv6: file.enable_ipv6,
    dryRun,
  })
  return {
    verb: 'create',
    subject: `network ${name}`,
    needs: uplink === undefined ? [] : [`uplink ${uplink} `],
    frees: [],
    fixed: [],
    where: { network: undefined },
    async check(client, newRequestId) {
      const planned = await client.call('networkCreate', { body: request(newRequestId(), true) })
      const subnets = planned.subnets.map(({ cidr, gateway }) => ({
        what: `subnet ${cidr}`,
        ...(gateway === undefined ? {} : { after: `gateway ${gateway}` }),
      }))
      return { changes: [{ what: 'driver', after: planned.driver }, ...subnets], warnings: planned.warnings }
    },
    async run(client, newRequestId) {
      return (await client.call('networkCreate', { body: request(newRequestId(), false) })).revision
    },
  }
}

function update(actual: NetworkView, { wish, fixed, differs }: NetworkDifference): Step[] {
  if (!differs && fixed.length === 0) return []
  const call = { params: { ref: actual.uid } }
  const body = (req: string, dryRun: boolean) => ({ ...wish, req, dryRun, revision: actual.revision })
  return [
    {
      verb: 'update',
      subject: `network ${actual.name}`,
      needs: [],
      frees: [],
      fixed,
      where: { network: actual.uid },
      async check(client, newRequestId) {
        return await client.call('networkUpdate', { ...call, body: body(newRequestId(), true) })
      },
      async run(client, newRequestId) {
        return (await client.call('networkUpdate', { ...call, body: body(newRequestId(), false) })).network.revision
      },
    },
  ]
}

function removal({ name, uid, driver }: NetworkView): Step {
  const params = { ref: uid }
  return {
    verb: 'remove',
    subject: `network ${name}`,
    needs: [],
    frees: ['create network ', 'update network '],
    prune: true,
    fixed: [],
    where: { network: uid },
    async check(client, newRequestId) {
      const { reservations } = await client.call('networkRemove', {
        params,
        query: { req: newRequestId(), dryRun: true },
      })
      const taken = reservations.map((each) => ({
        what: `reserved for ${each.name}`,
        before: each.addresses.join(' '),
      }))
      return { changes: [{ what: 'driver', before: driver }, ...taken], warnings: [] }
    },
    async run(client, newRequestId) {
      return (await client.call('networkRemove', { params, query: { req: newRequestId() } })).revision
    },
  }
}
