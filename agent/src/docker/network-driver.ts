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
import {
  ENDPOINT_OPTIONS,
  type HostProblem,
  interfaceName,
  Mac,
  type PublishedPort,
  parseWith,
  WeftError,
} from '@weft/shared'
import type { Kernel } from '../kernel/index.ts'
import type { Loop } from '../loop.ts'
import { egressOf } from '../state/egress.ts'
import { hasGateway, networkOf, traitsOf, withoutPrefix } from '../state/networks.ts'
import { type AgentState, type LocalRecord, withRecord } from '../state/records.ts'
import type { ContainersOnDisk } from './containers-on-disk.ts'
import { type EndpointOptions, endpointOptions } from './endpoint-options.ts'
import { detached } from './ipam-driver.ts'
import { joinAnswer, joinedRecord } from './join-answer.ts'
import { createKeyedLock } from './keyed-lock.ts'
import { readMessage } from './messages.ts'
import type { PluginHandlers } from './plugin-server.ts'
import { networkByOption } from './pools.ts'
import { portsOf, portsOfUnseen } from './port-map.ts'
import { type EndpointMessage, type SettleOptions, settleRecord } from './settle-record.ts'

export interface NetworkDriverOptions extends SettleOptions {
  readonly containers: ContainersOnDisk
  readonly loop: Pick<Loop, 'run' | 'trigger'>
  /** The short way to an endpoint's interface; false when it takes a pass. */
  readonly wire: (uid: string) => Promise<boolean>
  readonly kernel: Pick<Kernel, 'find' | 'apply'>
  readonly now: () => number
  /** @throws `conflict` naming who has a port that the endpoint of that uid is to have */
  readonly refuseTaken: (ports: readonly PublishedPort[], uid: string) => Promise<void>
  /** An endpoint is on its way to the sandbox that its record names, which it enters when this has resolved. */
  readonly onJoined: (uid: string) => Promise<void>
  /** An endpoint was attached, detached or altered: the controller is to be told. */
  readonly onChanged: (uid: string) => void
}

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
        if (record !== undefined && asked.length > 0) options.onChanged(record.uid)
        loop.trigger('way out')
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

async function createEndpoint(options: NetworkDriverOptions, message: EndpointMessage): Promise<unknown> {
  const { store, loop, wire, now } = options
  const { EndpointID, Interface } = message
  const asked = endpointOptions(message.Options)
  const mac = Interface.MacAddress === '' ? asked.mac : parseWith(Mac, Interface.MacAddress, 'MAC address')
  checkPriority(store.current, message.NetworkID, asked)
  const known = byDockerId(store.current, EndpointID)
  const sharesMac = sharesMacIn(store.current, message.NetworkID)
  if (sharesMac && mac !== undefined) throw ownMacAsked(mac)
  // Without one in the answer Docker sets none.
  const tellsMac = Interface.MacAddress === '' && !sharesMac
  const answer = (record: LocalRecord) => ({ Interface: tellsMac ? { MacAddress: record.mac } : {} })
  // Repeated after Docker took the interface: there is nothing left to make.
  if (known !== undefined && known.phase !== 'new') return answer(known)
  const before = known ?? (await settleRecord(options, message, mac))
  store.change((state) =>
    withRecord(state, {
      ...wished(before, asked),
      phase: 'new',
      held: false,
      dockerEndpointId: EndpointID,
      since: now(),
    }),
  )
  store.keep()
  const problems = (await wire(before.uid)) ? undefined : await makeByPass(options, before.uid)
  if (problems !== undefined) {
    store.change((state) => withRecord(state, before))
    store.keep()
    loop.trigger('endpoint refused')
    throw notWired(before, problems)
  }
  return answer(before)
}

function sharesMacIn({ dockerNetworks, entries }: AgentState, dockerNetwork: string): boolean {
  const network = networkOf(entries, dockerNetworks[dockerNetwork] ?? '')
  return network !== undefined && traitsOf(network).sharesMac
}

/** The record with what the endpoint's options ask for, and nothing of what they asked for at an earlier start. */
function wished(
  { gwPriority: _, ifname: __, ...record }: LocalRecord,
  { gwPriority, ifname }: EndpointOptions,
): LocalRecord {
  return {
    ...record,
    ...(gwPriority === undefined ? {} : { gwPriority }),
    ...(ifname === undefined ? {} : { ifname }),
  }
}

/** @throws `invalid` where there is no default route of the network's to prefer */
function checkPriority({ dockerNetworks, entries }: AgentState, id: string, { gwPriority = 0 }: EndpointOptions): void {
  const network = networkOf(entries, dockerNetworks[id] ?? '')
  if (network === undefined || gwPriority <= 0 || hasGateway(network)) return
  const docker = network.egress === 'docker' && !network.internal
  throw new WeftError('invalid', {
    what: 'no gateway to prefer',
    on: `${ENDPOINT_OPTIONS.gwPriority}=${gwPriority}`,
    why: docker
      ? `network ${network.name} has none: Docker’s own bridge is the way out while no other network is one`
      : `network ${network.name} has no way out`,
    remedy: docker ? 'give the container’s other networks a priority below 0' : 'leave it out',
  })
}

function ownMacAsked(mac: string): WeftError {
  return new WeftError('invalid', {
    what: 'container cannot have a MAC of its own',
    on: mac,
    why: 'in this network containers have their parent interface’s',
    remedy: 'leave --mac-address out, or use a macvlan network',
  })
}

/** Undefined when a pass made the interface, else what stands in its way. */
async function makeByPass(
  { loop, kernel }: NetworkDriverOptions,
  uid: string,
): Promise<readonly HostProblem[] | undefined> {
  const { problems } = await loop.run('endpoint created')
  const [link] = await kernel.find([{ netns: '', name: interfaceName('container', uid) }])
  return link?.owned === true ? undefined : problems
}

function byDockerId(state: AgentState, endpointId: string): LocalRecord | undefined {
  return [...state.endpoints.values()].find(({ dockerEndpointId }) => dockerEndpointId === endpointId)
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

function notWired(record: LocalRecord, problems: readonly HostProblem[]): WeftError {
  const own = problems.filter(({ network }) => network === undefined || network === record.network)
  const why =
    own
      .map(({ message }) => message)
      .slice(0, 3)
      .join('; ') || 'the kernel did not make its interface'
  return new WeftError('internal', {
    what: 'container not wired',
    on: record.addresses.join(' and '),
    why,
    remedy: own.find(({ remedy }) => remedy !== undefined)?.remedy ?? 'see weft status',
  })
}
