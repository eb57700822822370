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

/** Docker's ids of networks and endpoints: 64 hex digits, or less readable ones of Swarm's. They become keys of ours. */
const DockerId = z.string().refine((id) => /^[0-9a-zA-Z]{1,64}$/.test(id), {
  error: 'is not an id of Docker (1 to 64 letters and digits)',
})
/** `<network uid>/<subnet uid>`, as we gave it. */
const PoolId = z.string().max(64)
/** A namespace file. */
const Sandbox = z.string().refine((path) => /^(\/(?!\.\.?(\/|$))[^/\0]+)+$/.test(path) && path.length < 4096, {
  error: 'must be an absolute path without . and ..',
})

export const MESSAGES = {
  'IpamDriver.RequestPool': z.object({ Pool: text, Options, V6: z.boolean().nullish() }),
  'IpamDriver.ReleasePool': z.object({ PoolID: PoolId }),
  'IpamDriver.RequestAddress': z.object({ PoolID: PoolId, Address: text, Options }),
  'IpamDriver.ReleaseAddress': z.object({ PoolID: PoolId, Address: z.string() }),
  'NetworkDriver.CreateNetwork': z.object({ NetworkID: DockerId, Options }),
  'NetworkDriver.DeleteNetwork': z.object({ NetworkID: DockerId }),
  'NetworkDriver.CreateEndpoint': z.object({
    NetworkID: DockerId,
    EndpointID: DockerId,
    Interface: z
      .object({ Address: text, AddressIPv6: text, MacAddress: text })
      .nullish()
      .transform((value) => value ?? { Address: '', AddressIPv6: '', MacAddress: '' }),
    Options,
  }),
  'NetworkDriver.Join': z.object({
    NetworkID: DockerId,
    EndpointID: DockerId,
    SandboxKey: Sandbox,
    Options,
  }),
  'NetworkDriver.ProgramExternalConnectivity': z.object({ NetworkID: DockerId, EndpointID: DockerId, Options }),
  endpoint: z.object({ NetworkID: DockerId, EndpointID: DockerId }),
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
