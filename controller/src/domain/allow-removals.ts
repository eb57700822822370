/**
 * The operator's mark that the next snapshots of a host may take away many of its endpoints at once, which an agent refuses
 * otherwise (agent contract 5). It is leased: forgotten, it ends by itself, and a lost one errs on the safe side.
 */
import { WeftError } from '@weft/shared'
import { auditWrite } from './audit.ts'
import { type DomainDeps, nowText } from './deps.ts'
import { commitAlone } from './group-commit.ts'
import { hostByRef } from './pure/find.ts'
import { keys } from './pure/keys.ts'
import type { Actor } from './pure/records.ts'

/** How long the mark holds; an agent whose snapshot was refused asks again with every heartbeat. */
export const ALLOWED_SECONDS = 600

/** @throws `not_found` for a host that there is not */
export async function allowRemovals(
  deps: DomainDeps,
  ref: string,
  req: string,
  actor: Actor,
): Promise<{ host: string; seconds: number }> {
  const stored = hostByRef(await deps.cluster.newest(), ref)
  const host = stored.value.id
  const lease = await deps.kv.grantUnkeptLease(ALLOWED_SECONDS)
  const record = { v: 1, req, since: nowText(deps.clock) }
  const answer = await commitAlone(deps.kv, {
    when: [{ key: keys.host(host), create: stored.createRevision }],
    write: [
      { put: keys.allowRemovals(host), value: JSON.stringify(record), lease },
      auditWrite(deps, { actor, action: 'host.allow-removals', object: `host ${host}`, req }),
    ],
    read: [],
    requestId: req,
  })
  if (!answer.succeeded) throw new WeftError('not_found', { what: 'host was removed in the meantime', on: host })
  await deps.cluster.waitFor(answer.revision)
  return { host, seconds: ALLOWED_SECONDS }
}
