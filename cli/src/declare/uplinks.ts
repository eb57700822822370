/** Uplinks as a kind of the declarative layer. A named uplink is on the hosts that the file gives it, and on no other. */
import { driverFor, InterfaceName, Name, parseOptions } from '@weft/shared'
import { z } from 'zod'
import type { Client } from '../client/client.ts'
import type { Kind, Step } from './kind.ts'
import { unlessEmpty } from './scalars.ts'

export const UplinksFile = z.record(Name, z.record(Name, InterfaceName))

export const uplinks: Kind<z.output<typeof UplinksFile>> = {
  key: 'uplinks',
  summary: 'Logical names for NICs: on each host the interface.',
  names: ['UPLINK', 'HOST'],
  schema: UplinksFile,
  async read(client) {
    const present = await client.call('uplinkList', {})
    const now = Object.fromEntries(present.map(({ name, hosts }) => [name, hosts]))
    return {
      described: unlessEmpty(now),
      steps: (wanted) =>
        [...new Set([...Object.keys(wanted), ...Object.keys(now)])].flatMap((name) =>
          hostSteps(name, now[name] ?? {}, wanted[name]),
        ),
    }
  },
}

type Hosts = Readonly<Record<string, string>>

function hostSteps(name: string, now: Hosts, wanted: Hosts | undefined): Step[] {
  return [...new Set([...Object.keys(now), ...Object.keys(wanted ?? {})])].flatMap((host) => {
    const [before, after] = [now[host], wanted?.[host]]
    return before === after ? [] : [step({ name, host, before, after }, wanted === undefined)]
  })
}

interface Mapping {
  readonly name: string
  readonly host: string
  readonly before: string | undefined
  readonly after: string | undefined
}

function step({ name, host, before, after }: Mapping, prune: boolean): Step {
  const call = { params: { name, host } }
  const body = (req: string, dryRun: boolean) => ({ req, interface: after ?? null, dryRun })
  return {
    verb: before === undefined ? 'create' : after === undefined ? 'remove' : 'update',
    subject: `uplink ${name} of ${host}`,
    needs: [],
    frees: [],
    ...(prune ? { prune } : {}),
    fixed: [],
    where: { hosts: [host] },
    async check(client, newRequestId) {
      await client.call('uplinkSet', { ...call, body: body(newRequestId(), true) })
      const change = { ...(before === undefined ? {} : { before }), ...(after === undefined ? {} : { after }) }
      return {
        changes: [{ what: 'interface', ...change }],
        warnings: after === undefined ? await usersOf(client, name, host) : [],
      }
    },
    async run(client, newRequestId) {
      await client.call('uplinkSet', { ...call, body: body(newRequestId(), false) })
      return undefined
    },
  }
}

/** Networks that lose their parent on the host with the uplink, one warning each. */
async function usersOf(client: Client, name: string, host: string): Promise<string[]> {
  const networks = await client.call('networkList', {})
  const users = networks.filter(({ driver: called, options }) => {
    const driver = driverFor(called)
    return driver.parent(parseOptions(driver, options))?.uplink === name
  })
  return users.map((network) => `network ${network.name} is on @${name}, and has no parent on ${host} without it`)
}
