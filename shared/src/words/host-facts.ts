/** What an agent tells about its host: the ground on which subnets, parents, uplinks and MTUs are checked. */
import { z } from 'zod'
import { IpText, KernelAddressText } from './address-text.ts'

export const InterfaceFact = z.strictObject({
  name: z.string().max(15),
  mtu: z.number().int(),
  mac: z.string(),
  up: z.boolean(),
  /** 'device' for NICs, else the kernel's kind: vlan, bond, bridge, veth, … */
  kind: z.string(),
  /** Addresses with prefix length. */
  addresses: z.array(KernelAddressText),
})
export type InterfaceFact = z.infer<typeof InterfaceFact>

export const HostFacts = z.strictObject({
  hostname: z.string(),
  kernel: z.string(),
  agentVersion: z.string(),
  /** The engine's version, absent while Docker does not answer. */
  dockerVersion: z.string().optional(),
  interfaces: z.array(InterfaceFact),
  /** Destinations of the host's routes, CIDR, the default routes and Weft's own left out. */
  routes: z.array(KernelAddressText),
  /** The interface that carries VXLAN, and our VTEP address on it. */
  underlay: z.strictObject({ interface: z.string().max(15), address: IpText, mtu: z.number().int() }),
})
export type HostFacts = z.infer<typeof HostFacts>
