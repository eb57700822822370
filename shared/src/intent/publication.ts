/** A port of a container, opened on hosts: by the container's name, so that it outlives the container and follows it. */
import { z } from 'zod'
import { IpText } from '../words/address-text.ts'
import { EndpointName, Uid } from '../words/names.ts'

export const PROTOCOLS = ['tcp', 'udp'] as const
export const Protocol = z.enum(PROTOCOLS)
export type Protocol = z.infer<typeof Protocol>

export const Port = z.number().int().min(1).max(65535)

export const PublicationSpec = z.strictObject({
  uid: Uid,
  network: Uid,
  container: EndpointName,
  protocol: Protocol,
  /** Absent: all addresses of the host. */
  hostIp: IpText.optional(),
  hostPort: Port,
  /** The container's. */
  port: Port,
  /** The host reaches the container by an address of its own in the network, which it has or is about to get. */
  relayed: z.literal(true).optional(),
})
export type PublicationSpec = z.infer<typeof PublicationSpec>

/** The ports alone: what leads where. */
export const PublishedPort = PublicationSpec.pick({ protocol: true, hostIp: true, hostPort: true, port: true })
export type PublishedPort = z.infer<typeof PublishedPort>

/** `10.0.0.1:8080->80/tcp`, as `docker ps` writes it. */
export function formatPublication(spec: Pick<PublicationSpec, 'hostIp' | 'hostPort' | 'port' | 'protocol'>): string {
  return `${formatHostSide(spec)}->${spec.port}/${spec.protocol}`
}

/** The host's side alone: `8080`, `10.0.0.1:8080`, `[fd00::1]:8080`. */
export function formatHostSide({ hostIp, hostPort }: Pick<PublicationSpec, 'hostIp' | 'hostPort'>): string {
  if (hostIp === undefined) return String(hostPort)
  return hostIp.includes(':') ? `[${hostIp}]:${hostPort}` : `${hostIp}:${hostPort}`
}

/** True when two claims to a host's port cannot both stand on one host. */
export function samePort(
  a: Pick<PublicationSpec, 'hostIp' | 'hostPort' | 'protocol'>,
  b: Pick<PublicationSpec, 'hostIp' | 'hostPort' | 'protocol'>,
): boolean {
  const meet = a.hostIp === undefined || b.hostIp === undefined || a.hostIp === b.hostIp
  return meet && a.protocol === b.protocol && a.hostPort === b.hostPort
}
