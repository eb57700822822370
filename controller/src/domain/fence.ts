/** Which agent may speak for a host: the instance that joined last, at the epoch that it was given (TRUTH.md T8). */
import { WeftError } from '@weft/shared'
import type { DomainDeps } from './deps.ts'
import { keys } from './pure/keys.ts'
import { decode, HostRecord, type Stored } from './pure/records.ts'

export interface Fence {
  readonly epoch: number
  readonly instance: string
}

/**
 * The host's record, whose mod revision a transaction compares so that a later join makes it fail.
 * @throws `denied` when the host never joined, or a later join took its place.
 */
export async function requireFence(deps: DomainDeps, host: string, fence: Fence): Promise<Stored<HostRecord>> {
  const cached = deps.cluster.current().hosts.get(host)
  if (cached !== undefined && matches(cached.value, fence)) return cached
  return readFence(deps, host, fence)
}

/** As {@link requireFence}, from etcd itself: after a transaction failed, or when the cache disagrees. */
export async function readFence(deps: DomainDeps, host: string, fence: Fence): Promise<Stored<HostRecord>> {
  const { entry } = await deps.kv.get(keys.host(host))
  if (entry === undefined) {
    throw new WeftError('denied', { what: 'host has not joined', on: host, remedy: 'join first' })
  }
  const stored = decode(HostRecord, entry)
  if (matches(stored.value, fence)) return stored
  const { epoch, instance, joinedAt } = stored.value
  throw new WeftError('denied', {
    what: 'not the agent of this host any more',
    on: host,
    why: `instance ${instance} joined at ${joinedAt} as epoch ${epoch}; this is ${fence.instance} of epoch ${fence.epoch}`,
    remedy: 'join again; if two agents run under one host id, stop one or give it an id of its own',
  })
}

function matches(record: HostRecord, fence: Fence): boolean {
  return record.epoch === fence.epoch && record.instance === fence.instance
}
