/**
 * `weft trace`: whether one container reaches another, or an address, and if not why. The records tell the way that its packets
 * would take; the agents at both ends try it, and count what arrives.
 */
import { z } from 'zod'
import { ContainerRef } from './attachment.ts'
import { DoctorFinding } from './doctor.ts'
import { Port } from './intent/publication.ts'
import { IpText } from './words/address-text.ts'
import { InterfaceName, Name, Uid } from './words/names.ts'

/** What an agent is asked of the sandbox of one of its endpoints. */
export const TraceEndRequest = z.strictObject({
  endpoint: Uid,
  /** TCP: who listens on it is told. */
  port: Port.optional(),
})
export type TraceEndRequest = z.infer<typeof TraceEndRequest>

export const TraceEnd = z.strictObject({
  /** Its interface, with the addresses that are on it; absent where there is none. */
  link: z.strictObject({ name: InterfaceName, up: z.boolean(), addresses: z.array(IpText) }).optional(),
  /** ICMP echo requests that have come to its sandbox since that was made, by family (RFC 2011, RFC 4293: InEchos). */
  echoes: z.strictObject({ 4: z.number().int(), 6: z.number().int() }),
  /** Addresses on which somebody listens on the port. */
  listens: z.array(IpText).optional(),
})
export type TraceEnd = z.infer<typeof TraceEnd>

/** What an agent is asked to try from the sandbox of one of its endpoints. */
export const TraceTryRequest = z.strictObject({ endpoint: Uid, address: IpText, port: Port.optional() })
export type TraceTryRequest = z.infer<typeof TraceTryRequest>

export const TraceTry = z.strictObject({
  /** The way that its kernel chooses; absent where it has none. */
  route: z.strictObject({ link: z.string().max(64), via: IpText.optional() }).optional(),
  /** The next hop's MAC, as its kernel knows it after the try; absent where nobody has answered, or none is needed. */
  mac: z.string().max(64).optional(),
  /** The address answers ICMP echo. */
  echo: z.boolean(),
  /** What comes of a TCP connection to the port. */
  tcp: z.enum(['open', 'refused', 'silent']).optional(),
})
export type TraceTry = z.infer<typeof TraceTry>

const TraceContainer = z.strictObject({ host: Name.optional(), container: ContainerRef })
export type TraceContainer = z.infer<typeof TraceContainer>

export const TraceCall = z.strictObject({
  from: TraceContainer,
  to: z.union([TraceContainer, z.strictObject({ address: IpText })]),
  /** TCP, tried beside the echo. */
  port: Port.optional(),
})
export type TraceCall = z.infer<typeof TraceCall>

export const TraceView = z.strictObject({
  /** `web on docker1`, or the address. */
  from: z.string(),
  to: z.string(),
  reached: z.boolean(),
  /** The hosts between which packets are lost: the doctor tells more. */
  between: z.tuple([Name, Name]).optional(),
  /** In the order in which packets meet what they are about. */
  findings: z.array(DoctorFinding),
})
export type TraceView = z.infer<typeof TraceView>
