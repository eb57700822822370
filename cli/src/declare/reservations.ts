/** Addresses that belong to containers' names, as a kind of the declarative layer. */
import { type AddressView, EndpointName, IpText, Mac, Name, WeftError } from '@weft/shared'
import { z } from 'zod'
import type { Client } from '../client/client.ts'
import type { Kind, Step } from './kind.ts'
import { orEmpty, told, unlessEmpty } from './scalars.ts'

/** Both may be left out: then they are of Weft's choice. */
const ReservationFile = z.strictObject({
  addresses: z.array(IpText).max(2).default([]).meta({ description: 'one a family; of Weft’s choice when left out' }),
  mac: Mac.optional().meta({ description: 'of Weft’s choice when left out' }),
})
type ReservationFile = z.output<typeof ReservationFile>

/** Network, then the container's name. */
export const ReservationsFile = z.record(Name, orEmpty(z.record(EndpointName, orEmpty(ReservationFile))))
type ReservationsFile = z.output<typeof ReservationsFile>

interface Reserved {
  readonly addresses: readonly string[]
  readonly mac: string | undefined
}

export const reservations: Kind<ReservationsFile> = {
  key: 'reservations',
  summary: 'Addresses that belong to a container’s name.',
  names: ['NETWORK', 'CONTAINER'],
  schema: ReservationsFile,
  async read(client) {
    const present = new Map<string, Map<string, Reserved>>()
    for (const { name } of await client.call('networkList', {})) {
      const reserved = reservedIn(await client.call('ipList', { params: { ref: name } }))
      if (reserved.size > 0) present.set(name, reserved)
    }
    return {
      described: unlessEmpty(
        Object.fromEntries([...present].map(([network, reserved]) => [network, sorted(reserved)])),
      ),
      steps: (wanted) =>
        [...new Set([...present.keys(), ...Object.keys(wanted)])].flatMap((network) =>
          networkSteps(network, present.get(network) ?? new Map<string, Reserved>(), wanted[network] ?? {}),
        ),
    }
  },
}

/** By container name. Only an address that nobody has tells the MAC that is reserved with it. */
function reservedIn(rows: readonly AddressView[]): Map<string, Reserved> {
  const reserved = new Map<string, Reserved>()
  for (const { address, reservedFor, mac, state, holder } of rows) {
    if (reservedFor === undefined) continue
    const own = state === 'reserved' || holder === reservedFor ? mac : undefined
    const known = reserved.get(reservedFor) ?? { addresses: [], mac: undefined }
    reserved.set(reservedFor, { addresses: [...known.addresses, address], mac: known.mac ?? own })
  }
  return reserved
}

function sorted(reserved: ReadonlyMap<string, Reserved>): object {
  const names = [...reserved].sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(names.map(([name, { addresses, mac }]) => [name, told({ addresses, mac })]))
}

function networkSteps(
  network: string,
  present: ReadonlyMap<string, Reserved>,
  wanted: Readonly<Record<string, ReservationFile>>,
): Step[] {
  return [...new Set([...present.keys(), ...Object.keys(wanted)])].flatMap((name) => {
    const [before, after] = [present.get(name), wanted[name]]
    if (before !== undefined && after !== undefined && isSame(before, after)) return []
    const place = { network, name }
    return [
      ...(before === undefined ? [] : [removal(place, before, after === undefined)]),
      ...(after === undefined ? [] : [creation(place, after)]),
    ]
  })
}

function isSame(before: Reserved, after: ReservationFile): boolean {
  const sameMac = after.mac === undefined || before.mac === undefined || after.mac === before.mac
  return sameMac && after.addresses.every((address) => before.addresses.includes(address))
}

interface Place {
  readonly network: string
  readonly name: string
}

function creation({ network, name }: Place, { addresses, mac }: ReservationFile): Step {
  const params = { ref: network }
  return {
    verb: 'create',
    subject: `reservation for ${name} in ${network}`,
    needs: [`network ${network} `],
    frees: [],
    fixed: [],
    where: { hosts: [] },
    async check(client) {
      await checkFree(client, { network, name }, addresses)
      const after = addresses.join(' ') || 'of Weft’s choice'
      return {
        changes: [{ what: 'addresses', after }, ...(mac === undefined ? [] : [{ what: 'MAC', after: mac }])],
        warnings: [],
      }
    },
    async run(client, newRequestId) {
      const body = { req: newRequestId(), name, addresses, ...(mac === undefined ? {} : { mac }) }
      await client.call('ipReserve', { params, body })
      return undefined
    },
  }
}

/** A reservation is not altered: one of other addresses comes in its place. */
function removal({ network, name }: Place, { addresses, mac }: Reserved, prune: boolean): Step {
  return {
    verb: 'remove',
    subject: `reservation of ${addresses.join(' ')} for ${name} in ${network}`,
    needs: [],
    frees: ['create reservation '],
    ...(prune ? { prune } : {}),
    fixed: [],
    where: { hosts: [] },
    check: async () => ({
      changes: [
        { what: 'addresses', before: addresses.join(' ') },
        ...(mac === undefined ? [] : [{ what: 'MAC', before: mac }]),
      ],
      warnings: [],
    }),
    async run(client, newRequestId) {
      await client.call('ipRelease', { params: { ref: network, what: name }, query: { req: newRequestId() } })
      return undefined
    },
  }
}

/** @throws `not_found` (network), `conflict` when an address is somebody else's */
async function checkFree(client: Client, { network, name }: Place, addresses: readonly string[]): Promise<void> {
  const rows = await client.call('ipList', { params: { ref: network } })
  for (const { address, state, holder, reservedFor } of rows) {
    if (!addresses.includes(address) || state === 'quarantine' || holder === name || reservedFor === name) continue
    const who = [state, holder, reservedFor].filter((each) => each !== undefined).join(' ')
    throw new WeftError('conflict', {
      what: `address cannot be reserved for ${name}`,
      on: address,
      why: `it is taken: ${who}`,
      remedy: `name another, or see who has which: weft ip ls ${network}`,
    })
  }
}
