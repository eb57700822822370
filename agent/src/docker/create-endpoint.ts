/** Docker's CreateEndpoint: the endpoint gets its record and its interface, or neither. */
import { ENDPOINT_OPTIONS, type HostProblem, interfaceName, Mac, parseWith, WeftError } from '@weft/shared'
import type { Kernel } from '../kernel/index.ts'
import type { Loop } from '../loop.ts'
import { hasGateway, networkOf, traitsOf } from '../state/networks.ts'
import { type AgentState, byDockerId, type LocalRecord, withRecord } from '../state/records.ts'
import { type EndpointOptions, endpointOptions } from './endpoint-options.ts'
import { type EndpointMessage, type SettleOptions, settleRecord } from './settle-record.ts'

export interface CreateOptions extends SettleOptions {
  readonly loop: Pick<Loop, 'run' | 'trigger'>
  /** The short way to an endpoint's interface; false when it takes a pass. */
  readonly wire: (uid: string) => Promise<boolean>
  readonly kernel: Pick<Kernel, 'find' | 'apply'>
  readonly now: () => number
}

/**
 * Idempotent by endpoint id; its calls wait for each other.
 * @throws `invalid` for what was asked for and cannot be, as {@link settleRecord}, `internal` with what stood in the way of the interface
 */
export async function createEndpoint(options: CreateOptions, message: EndpointMessage): Promise<unknown> {
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
async function makeByPass({ loop, kernel }: CreateOptions, uid: string): Promise<readonly HostProblem[] | undefined> {
  const { problems } = await loop.run('endpoint created')
  const [link] = await kernel.find([{ netns: '', name: interfaceName('container', uid) }])
  return link?.owned === true ? undefined : problems
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
