/** Bodies of Docker's plugin calls (DOCKER.md 1.1). Tolerant of fields that newer engines add, strict on what we use. */
import { parseWith, WeftError } from '@weft/shared'
import { z } from 'zod'

const Options = z
  .record(z.string(), z.unknown())
  .nullish()
  .transform((options) => options ?? {})

const text = z
  .string()
  .nullish()
  .transform((value) => value ?? '')

export const MESSAGES = {
  'IpamDriver.RequestPool': z.object({ Pool: text, Options, V6: z.boolean().nullish() }),
  'IpamDriver.ReleasePool': z.object({ PoolID: z.string() }),
  'IpamDriver.RequestAddress': z.object({ PoolID: z.string(), Address: text, Options }),
  'IpamDriver.ReleaseAddress': z.object({ PoolID: z.string(), Address: z.string() }),
  'NetworkDriver.CreateNetwork': z.object({ NetworkID: z.string().min(1), Options }),
  'NetworkDriver.DeleteNetwork': z.object({ NetworkID: z.string().min(1) }),
  'NetworkDriver.CreateEndpoint': z.object({
    NetworkID: z.string().min(1),
    EndpointID: z.string().min(1),
    Interface: z
      .object({ Address: text, AddressIPv6: text, MacAddress: text })
      .nullish()
      .transform((value) => value ?? { Address: '', AddressIPv6: '', MacAddress: '' }),
    Options,
  }),
  'NetworkDriver.Join': z.object({
    NetworkID: z.string().min(1),
    EndpointID: z.string().min(1),
    SandboxKey: z.string().startsWith('/'),
    Options,
  }),
  endpoint: z.object({ NetworkID: z.string().min(1), EndpointID: z.string().min(1) }),
} as const

/** @throws `invalid` for an empty body (Docker's retry, pitfall 1) and for one that lacks what we need */
export function readMessage<K extends keyof typeof MESSAGES>(kind: K, body: unknown): z.output<(typeof MESSAGES)[K]> {
  if (body === undefined) {
    const why = 'Docker repeated the call after the plugin went away, without its body'
    throw new WeftError('unavailable', { what: 'empty request', on: kind, why, remedy: 'try again' })
  }
  // The table ties a call to its schema; the compiler does not follow the index.
  return parseWith(MESSAGES[kind] as z.ZodType, body, `plugin call ${kind}`) as z.output<(typeof MESSAGES)[K]>
}
