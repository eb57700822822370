/**
 * What the doctor measured between two hosts, kept: networks made from then on go by it (settle-mtu.ts). A fact like those
 * that hosts tell of themselves, and no admin's change: there is no audit record.
 */
import type { PathMtu } from '@weft/shared'
import { type DomainDeps, nowText } from './deps.ts'
import { commitAlone } from './group-commit.ts'
import { keys } from './pure/keys.ts'
import { pathBetween } from './pure/paths.ts'
import type { PathRecord } from './pure/records.ts'

/** Writes it down unless it is known already, or one of the hosts has gone or moved meanwhile. */
export async function recordPath(deps: DomainDeps, pair: readonly [string, string], measured: PathMtu): Promise<void> {
  const view = deps.cluster.current()
  const [first, second] = [...pair].sort()
  const addresses = [first, second].map((host) => view.facts.get(host ?? '')?.value.facts.underlay.address)
  const [a, b] = addresses
  if (first === undefined || second === undefined || a === undefined || b === undefined) return
  const before = view.paths.get(pathBetween(first, second))
  const { mtu, tried } = measured
  const known = before?.value
  if (known?.mtu === mtu && known.tried === tried && known.addresses.join() === addresses.join()) return
  const req = `path:${first}:${second}`.slice(0, 64)
  const record: PathRecord = {
    v: 1,
    req,
    hosts: [first, second],
    addresses: [a, b],
    mtu,
    tried,
    at: nowText(deps.clock),
  }
  const key = keys.path(first, second)
  // Whoever measured at the same time has written what is as true.
  const answer = await commitAlone(deps.kv, {
    when: [{ key, mod: before?.modRevision ?? 0 }],
    write: [{ put: key, value: JSON.stringify(record) }],
    read: [],
    requestId: req,
  })
  if (answer.succeeded) await deps.cluster.waitFor(answer.revision)
}
