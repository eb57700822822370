/** A host speaks about its own endpoints only, and about the newest record of them. */
import { WeftError } from '@weft/shared'
import type { DomainDeps } from './deps.ts'
import { keys } from './pure/keys.ts'
import { decode, EndpointRecord, type Stored } from './pure/records.ts'

/** The endpoint as etcd has it now; undefined when it is gone. Throws `denied` when it is another host's. */
export async function readOwnEndpoint(
  deps: DomainDeps,
  host: string,
  uid: string,
): Promise<Stored<EndpointRecord> | undefined> {
  const { entry } = await deps.kv.get(keys.endpoint(uid))
  if (entry === undefined) return undefined
  const stored = decode(EndpointRecord, entry)
  if (stored.value.host === host) return stored
  throw new WeftError('denied', {
    what: 'endpoint of another host',
    on: uid,
    why: `it is on ${stored.value.host}, and ${host} asks`,
    remedy: 'a host can only speak about its own endpoints',
  })
}
