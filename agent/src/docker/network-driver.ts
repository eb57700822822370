/**
 * Docker's network calls. An endpoint's interface is made in CreateEndpoint, moved by Docker after Join, given back after
 * Leave, and deleted in DeleteEndpoint, never before (DOCKER.md 1.2). Calls come at least once and side by side: each is
 * idempotent by endpoint id, and those of one endpoint wait for each other.
 *
 * Invariants
 * - What is answered outlives this process: the record is written before (state/store.ts, `keep`).
 * - The kernel has followed where Docker relies on it: in CreateEndpoint, which makes the interface. The other calls alter
 *   what passes may do, and a pass judges by the record as it is after it has observed: once Join or Leave has been
 *   answered, no pass takes an interface that Docker moves for missing. So they wait for none.
 * - No call asks Docker anything; only `bind` asks a controller.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { WeftError } from '@weft/shared'
import type { Kernel } from '../kernel/index.ts'
import { egressOf } from '../state/egress.ts'
import { networkOf, withoutPrefix } from '../state/networks.ts'
import { byDockerId, type LocalRecord, withRecord } from '../state/records.ts'
import type { ContainersOnDisk } from './containers-on-disk.ts'
import { type CreateOptions, createEndpoint } from './create-endpoint.ts'
import { detached } from './ipam-driver.ts'
import { joinAnswer, joinedRecord } from './join-answer.ts'
import { createKeyedLock } from './keyed-lock.ts'
import { readMessage } from './messages.ts'
import type { PluginHandlers } from './plugin-server.ts'
import { networkByOption } from './pools.ts'
import { type PortMapOptions, portsOf, portsOfUnseen } from './port-map.ts'

export interface NetworkDriverOptions extends CreateOptions, PortMapOptions {
  readonly containers: ContainersOnDisk
  /** An endpoint is on its way to the sandbox that its record names, which it enters when this has resolved. */
  readonly onJoined: (uid: string) => Promise<void>
  /** An endpoint was attached, detached or altered: the controller is to be told. */
  readonly onChanged: (uid: string) => void
}

/** A pass takes a few hundredths of this. */
const OPEN_MS = 2_000
const GENERIC = 'com.docker.network.generic'

export function createNetworkDriver(options: NetworkDriverOptions): PluginHandlers {
  const { store, loop, now } = options
  const exclusively = createKeyedLock()
  const endpointCall = (call: (endpointId: string) => Promise<unknown>) => (body: unknown) => {
    const { EndpointID } = readMessage('endpoint', body)
    return exclusively(EndpointID, () => call(EndpointID))
  }
  /** Alters the endpoint's record and keeps it. */
  const alter = (endpointId: string, step: (record: LocalRecord) => LocalRecord): LocalRecord | undefined => {
    const record = byDockerId(store.current, endpointId)
    if (record === undefined) return undefined
    store.change((state) => withRecord(state, step(state.endpoints.get(record.uid) ?? record)))
    store.keep()
    return store.current.endpoints.get(record.uid)
  }

  return {
    'NetworkDriver.GetCapabilities': () => ({ Scope: 'local', ConnectivityScope: 'global' }),
    'NetworkDriver.CreateNetwork': (body) => {
      const { NetworkID, Options } = readMessage('NetworkDriver.CreateNetwork', body)
      const generic = Options[GENERIC]
      const given = typeof generic === 'object' && generic !== null ? (generic as Record<string, unknown>) : {}
      const { uid } = networkByOption(store.current.entries, given)
      store.change((state) => ({ ...state, dockerNetworks: { ...state.dockerNetworks, [NetworkID]: uid } }))
      store.keep()
      return {}
    },
    'NetworkDriver.DeleteNetwork': (body) => {
      const { NetworkID } = readMessage('NetworkDriver.DeleteNetwork', body)
      store.change((state) => {
        const { [NetworkID]: _, ...dockerNetworks } = state.dockerNetworks
        return { ...state, dockerNetworks }
      })
      store.keep()
      return {}
    },
    'NetworkDriver.CreateEndpoint': (body) => {
      const message = readMessage('NetworkDriver.CreateEndpoint', body)
      return exclusively(message.EndpointID, () => createEndpoint(options, message))
    },
    'NetworkDriver.Join': (body) => {
      const { EndpointID, SandboxKey, Options } = readMessage('NetworkDriver.Join', body)
      return exclusively(EndpointID, async () => {
        settleOwner(options, EndpointID, SandboxKey)
        const ports = await portsOfUnseen(options, byDockerId(store.current, EndpointID), SandboxKey, Options)
        const record = alter(EndpointID, (each) =>
          joinedRecord(store.current, each, { sandbox: SandboxKey, ports, now: now() }),
        )
        const network = record === undefined ? undefined : networkOf(store.current.entries, record.network)
        if (record === undefined || network === undefined) throw unknownEndpoint(EndpointID)
        options.onChanged(record.uid)
        await options.onJoined(record.uid)
        if (ports.length > 0) await opened(loop)
        // Docker moves it after this answer and does not say when it is done; the doorbell does.
        return joinAnswer(network, record)
      })
    },
    'NetworkDriver.Leave': endpointCall(async (endpointId) => {
      const before = byDockerId(store.current, endpointId)
      alter(endpointId, ({ sandbox: _, link: __, dockerLink: ___, ports: ____, ...record }) => ({
        ...record,
        phase: 'in-flight',
        wayOut: false,
        since: now(),
      }))
      if (before !== undefined) await giveBackName(options.kernel, before)
      return {}
    }),
    'NetworkDriver.DeleteEndpoint': endpointCall(async (endpointId) => {
      const record = byDockerId(store.current, endpointId)
      if (record === undefined) return {}
      alter(endpointId, (each) => detached(each, now()))
      // Docker is done with the interface and waits for nothing; its address is given back only after a pass (outbox.ts).
      loop.trigger('endpoint deleted')
      options.onChanged(record.uid)
      return {}
    }),
    'NetworkDriver.EndpointOperInfo': endpointCall(async () => ({ Value: {} })),
    'NetworkDriver.ProgramExternalConnectivity': (body) => {
      const { EndpointID, Options } = readMessage('NetworkDriver.ProgramExternalConnectivity', body)
      return exclusively(EndpointID, async () => {
        const record = byDockerId(store.current, EndpointID)
        const network = record === undefined ? undefined : networkOf(store.current.entries, record.network)
        const isOurs = record !== undefined && network !== undefined && egressOf(record, network) === 'weft'
        const asked = isOurs ? portsOf(Options) : []
        if (record !== undefined && asked.length > 0) await options.refuseTaken(asked, record.uid)
        alter(EndpointID, ({ ports: _, ...each }) => ({
          ...each,
          wayOut: true,
          ...(asked.length === 0 ? {} : { ports: [...asked] }),
        }))
        if (record === undefined || asked.length === 0) loop.trigger('way out')
        else {
          options.onChanged(record.uid)
          await opened(loop)
        }
        return {}
      })
    },
    'NetworkDriver.RevokeExternalConnectivity': endpointCall(async (endpointId) => {
      alter(endpointId, ({ ports: _, ...record }) => ({ ...record, wayOut: false }))
      loop.trigger('way out')
      return {}
    }),
    'NetworkDriver.DiscoverNew': () => ({}),
    'NetworkDriver.DiscoverDelete': () => ({}),
  }
}

/** Whoever typed `-p` knocks as soon as Docker has returned. What keeps a port shut is a problem of the host, told by the pass. */
async function opened(loop: NetworkDriverOptions['loop']): Promise<void> {
  await Promise.race([loop.run('ports'), sleep(OPEN_MS, undefined, { ref: false })])
}

/**
 * Whose sandbox it is shows where its container runs already, which is where nothing else told who was being connected.
 * @throws `conflict` when the addresses belong to another container's name: they are taken back
 */
function settleOwner({ store, containers, loop }: NetworkDriverOptions, endpointId: string, sandbox: string): void {
  const record = byDockerId(store.current, endpointId)
  const { docker } = store.current
  if (record === undefined || docker === null) return
  const owner = containers.mounted(docker).find((each) => each.up && each.sandbox === sandbox)
  if (owner === undefined || owner.id === record.containerId) return
  if (record.reserved !== true || record.name === owner.name) {
    store.change((state) => withRecord(state, { ...record, containerId: owner.id, name: owner.name }))
    return
  }
  // As if Docker had made nothing of the address: when it lets go of it, it is given back.
  const { dockerEndpointId: _, containerId: __, name, ...rest } = record
  store.change((state) => withRecord(state, { ...rest, phase: 'claimed', held: false }))
  store.keep()
  loop.trigger('endpoint refused')
  const on = record.addresses.map(withoutPrefix).join(' and ')
  throw new WeftError('conflict', {
    what: 'address is reserved',
    on,
    why: `it belongs to container name ${name}, and ${owner.name} is being connected`,
    remedy: 'ask for another address (--ip), or see weft ip ls',
  })
}

/** Docker looks for the interface under the name that it gave. @throws when that name is taken by now */
async function giveBackName(kernel: Pick<Kernel, 'apply'>, { sandbox, link, dockerLink }: LocalRecord): Promise<void> {
  if (sandbox === undefined || link === undefined || dockerLink === undefined || link === dockerLink) return
  const [failure] = await kernel.apply([{ op: 'link-set', netns: sandbox, name: link, set: { name: dockerLink } }])
  if (failure !== undefined && failure.error.code !== 'not_found') throw failure.error
}

function unknownEndpoint(on: string): WeftError {
  const why = 'the agent has no record of it, or its network is gone from the intent'
  return new WeftError('not_found', {
    what: 'no such endpoint',
    on,
    why,
    remedy: 'start the container again; see weft status',
  })
}
