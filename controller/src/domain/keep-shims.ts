/**
 * Gives each host its shim in every network with host access, and takes back those that nothing wants any more. The
 * leader's work, soon and again every second: a network that is made, a host that joins or is forgotten, is met the same way.
 *
 * Invariants
 * - Every write carries the leader's guard (T11, I16).
 * - A shim's address is its host's for as long as network and host are there: its uid is made of the two.
 */
import { WeftError } from '@weft/shared'
import type { Compare } from '../store/kv.ts'
import type { ClusterCache } from './cluster-cache.ts'
import type { DomainDeps } from './deps.ts'
import { commitAlone } from './group-commit.ts'
import { chooseAddresses, placing } from './place.ts'
import { keys } from './pure/keys.ts'
import type { EndpointRecord, Stored } from './pure/records.ts'
import { shimChanges, type WantedShim } from './pure/wanted-shims.ts'
import { endingWrites, quarantine } from './release.ts'

/** Made in one pass, so that it stays short; the next goes on. */
const MOST_AT_ONCE = 200

/**
 * Resolves with the view's revision when every host has the shims that it should have, or else when the signal aborts: the
 * leader makes them a moment after what asks for them.
 */
export async function shimsInPlace(cluster: ClusterCache, signal: AbortSignal): Promise<number> {
  const changes = cluster.changes(signal)[Symbol.asyncIterator]()
  while (shimChanges(cluster.current()).missing.length > 0 && (await changes.next()).done !== true);
  await changes.return?.()
  return cluster.current().revision
}

export interface ShimsKept {
  readonly made: number
  readonly ended: number
  /** Why some could not be made. */
  readonly failures: readonly WeftError[]
}

export async function keepShims(deps: DomainDeps, guard: Compare): Promise<ShimsKept> {
  const { missing, surplus } = shimChanges(deps.cluster.current())
  let [made, ended] = [0, 0]
  const failures: WeftError[] = []
  for (const shim of missing.slice(0, MOST_AT_ONCE)) {
    try {
      if (await make(deps, guard, shim)) made++
    } catch (thrown) {
      const error = WeftError.from(thrown)
      if (error.code !== 'exhausted') throw error
      failures.push(error)
    }
  }
  for (const stored of surplus.slice(0, MOST_AT_ONCE)) if (await end(deps, guard, stored)) ended++
  return { made, ended, failures }
}

async function make(deps: DomainDeps, guard: Compare, { uid, network, host }: WantedShim): Promise<boolean> {
  const view = deps.cluster.current()
  const fenced = view.hosts.get(host)
  if (fenced === undefined) return false
  const { addresses, settle } = chooseAddresses(deps, view, network.value)
  const req = `shim:${uid}`
  let settledAt: number | undefined
  try {
    const { when, write } = placing(deps, view, { uid, req, network, host, holder: { kind: 'shim' }, addresses })
    const here: Compare = { key: keys.host(host), create: fenced.createRevision }
    const answer = await commitAlone(deps.kv, { when: [guard, here, ...when], write, read: [], requestId: req })
    settledAt = answer.revision
    return answer.succeeded
  } finally {
    settle(settledAt)
  }
}

async function end(deps: DomainDeps, guard: Compare, { value, modRevision }: Stored<EndpointRecord>): Promise<boolean> {
  const req = `shim:${value.uid}`
  const isGone = !deps.cluster.current().networks.has(value.network)
  const answer = await commitAlone(deps.kv, {
    when: [guard, { key: keys.endpoint(value.uid), mod: modRevision }],
    // The subnet of a network that is gone keeps no reservations.
    write: [...endingWrites(deps, req, value), ...(isGone ? [] : quarantine(deps, req, value))],
    read: [],
    requestId: req,
  })
  return answer.succeeded
}
