import { type UplinkView, WeftError } from '@weft/shared'
import { auditWrite } from './audit.ts'
import type { DomainDeps } from './deps.ts'
import { commitAlone } from './group-commit.ts'
import { hostByRef } from './pure/find.ts'
import { keys } from './pure/keys.ts'
import { type Actor, decode, UplinkRecord } from './pure/records.ts'
import { uplinkView } from './pure/views.ts'

export interface UplinkRequest {
  readonly name: string
  readonly host: string
  /** null takes the mapping away. */
  readonly interface: string | null
  readonly req: string
}

const MOST_TRIES = 20

/**
 * T12: says which interface of a host a logical uplink is.
 * @throws `not_found` (host), `invalid` (the host has no such interface: the error names those it has)
 */
export async function setUplink(deps: DomainDeps, request: UplinkRequest, actor: Actor): Promise<UplinkView> {
  const { name, host, req } = request
  const key = keys.uplink(name, host)
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    checkInterface(deps, request)
    const { entry } = await deps.kv.get(key)
    const before = entry === undefined ? undefined : decode(UplinkRecord, entry).value
    if ((before?.interface ?? null) === request.interface) {
      return uplinkView(await deps.cluster.newest(), name)
    }
    const record = { v: 1, req, gen: (before?.gen ?? 0) + 1, interface: request.interface }
    const object = `uplink ${name} of ${host} = ${request.interface ?? 'none'}`
    const audit = auditWrite(deps, { actor, action: 'uplink.set', object, req })
    const answer = await commitAlone(deps.kv, {
      when: [{ key, mod: entry?.modRevision ?? 0 }],
      write: [request.interface === null ? { delete: key } : { put: key, value: JSON.stringify(record) }, audit],
      read: [],
      requestId: req,
    })
    if (answer.succeeded) return uplinkView(await deps.cluster.waitFor(answer.revision), name)
  }
  throw new WeftError('unavailable', {
    what: 'lost every race for an uplink',
    on: `${name} of ${host}`,
    remedy: 'try again',
  })
}

function checkInterface(deps: DomainDeps, { host, interface: wanted }: UplinkRequest): void {
  const view = deps.cluster.current()
  hostByRef(view, host)
  const names = view.facts.get(host)?.value.facts.interfaces.map((link) => link.name) ?? []
  if (wanted === null || names.includes(wanted)) return
  throw new WeftError('invalid', {
    what: `host ${host} has no such interface`,
    on: wanted,
    why: `it has ${names.filter((name) => name !== 'lo').join(', ') || 'none'}`,
    remedy: 'name one of these',
  })
}
