/** Connecting containers and namespaces to networks: what the API takes and what a host's agent is asked. */
import { z } from 'zod'
import { parseAddress } from './ip/address.ts'
import { IpText } from './words/address-text.ts'
import { EndpointName, InterfaceName, Mac, RequestId, StringMap, Uid } from './words/names.ts'

const remedy = 'write a name or id that docker ps shows'
/** A container's name or id, as Docker takes them. */
export const ContainerRef = z.string().refine((ref) => /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}$/.test(ref), {
  error: 'is not a container’s name or id',
  params: { remedy },
})

const Ipv4Text = IpText.refine((text) => parseAddress(text).family === 4, {
  error: 'is not an IPv4 address',
  params: { remedy: 'give IPv6 addresses with --ip6' },
})
const Ipv6Text = IpText.refine((text) => parseAddress(text).family === 6, {
  error: 'is not an IPv6 address',
  params: { remedy: 'give IPv4 addresses with --ip' },
})

/** Of the ways out of a container the one with the highest wins; one below 0 is never taken. */
export const GatewayPriority = z.number().int().min(-65_536).max(65_536)

/** What may be asked for of an endpoint. */
export const EndpointWish = z.strictObject({
  ip: Ipv4Text.optional(),
  ip6: Ipv6Text.optional(),
  mac: Mac.optional(),
  aliases: z.array(EndpointName).max(64),
  gwPriority: GatewayPriority.optional(),
  /** The interface's name in the sandbox. */
  ifname: InterfaceName.optional(),
})
export type EndpointWish = z.infer<typeof EndpointWish>

/** Options of one endpoint (`--driver-opt`, Compose's `driver_opts`): the one thing that every engine hands to us. */
export const ENDPOINT_OPTIONS = {
  gwPriority: 'weft.gw-priority',
  ifname: 'weft.ifname',
  mac: 'weft.mac-address',
} as const
/** The engine's own name of the interface option, since 28; taken from every engine. */
export const DOCKER_IFNAME_OPTION = 'com.docker.network.endpoint.ifname'

export const ConnectWish = z.strictObject({
  req: RequestId,
  container: ContainerRef,
  ...EndpointWish.shape,
  driverOpts: StringMap,
})
export type ConnectWish = z.infer<typeof ConnectWish>

export const DisconnectWish = z.strictObject({ req: RequestId, container: ContainerRef, force: z.boolean() })
export type DisconnectWish = z.infer<typeof DisconnectWish>

/** A container of a host, as its engine knows it. */
export const FoundContainer = z.strictObject({ id: z.string().max(64), name: z.string().max(255) })

/** A namespace of the host: that of a process, one behind a file (or a name of `ip netns`), or a container's. */
export const AttachTarget = z.union([
  z.strictObject({ pid: z.number().int().min(1).max(4_194_304) }),
  z.strictObject({
    netns: z.string().refine((text) => /^(\/(?!\.\.?(\/|$))[^/\0#]+)+$|^(?!\.\.?$)[^/\0#]{1,255}$/.test(text), {
      error: 'is neither an absolute path without . and .. nor a name of ip netns',
      params: { remedy: 'write it like /run/netns/blue or blue' },
    }),
  }),
  z.strictObject({ container: ContainerRef }),
])
export type AttachTarget = z.infer<typeof AttachTarget>

export const AttachWish = z.strictObject({
  req: RequestId,
  target: AttachTarget,
  /** As which it is found; a container's own unless given. */
  name: EndpointName.optional(),
  ...EndpointWish.shape,
})
export type AttachWish = z.infer<typeof AttachWish>

/** What became of a namespace's attachment. */
export const Attached = z.strictObject({
  uid: Uid,
  name: EndpointName.optional(),
  ifname: z.string(),
  mac: Mac,
  addresses: z.array(z.string()),
})
export type Attached = z.infer<typeof Attached>
