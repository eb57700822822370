/** What the domain promises, on any store: run on the model (unit) and on real etcd (integration). */

import type { NetworkView } from '@weft/shared'
import { afterEach, beforeEach, describe, expect } from 'vitest'
import type { DomainDeps } from '../../../controller/src/domain/index.ts'
import { auditConformance } from './audit.ts'
import { claimConformance } from './claim.ts'
import { createConformance } from './create.ts'
import { endpointsConformance } from './endpoints.ts'
import { hostsConformance } from './hosts.ts'
import { intentsConformance } from './intents.ts'
import { publishConformance } from './publish.ts'
import { removeConformance } from './remove.ts'
import { reservationsConformance } from './reservations.ts'
import { routerConformance } from './router.ts'
import { updateConformance } from './update.ts'
import { updateEgressConformance } from './update-egress.ts'
import { DomainStage, type StoreWorld } from './world.ts'

export function domainConformance(name: string, open: () => Promise<StoreWorld>): void {
  describe(`domain on ${name}`, () => {
    const at = new DomainStage()
    beforeEach(() => at.open(open))
    afterEach(async () => {
      await checkInvariants(at.deps)
      await at.world.close()
    })
    createConformance(at)
    claimConformance(at)
    endpointsConformance(at)
    reservationsConformance(at)
    removeConformance(at)
    routerConformance(at)
    publishConformance(at)
    hostsConformance(at)
    updateConformance(at)
    updateEgressConformance(at)
    auditConformance(at)
    intentsConformance(at)
  })
}

/** TRUTH.md I1, I2, I6, I7, I11 on what the store holds at the end of every test. */
async function checkInvariants(deps: DomainDeps): Promise<void> {
  const { entries } = await deps.kv.list('/weft/v1/')
  const records = (part: string) => entries.filter(({ key }) => key.startsWith(`/weft/v1/${part}/`))
  const parsed = (part: string) =>
    records(part).flatMap(({ key, value }) => {
      try {
        return [{ key, value: JSON.parse(value) as Record<string, unknown> }]
      } catch {
        return []
      }
    })
  const held = parsed('ip').filter(({ key }) => key.includes('/endpoint/'))
  const owned = parsed('ep').flatMap(
    ({ value }) => (value.addresses as NetworkView['subnets'] | undefined)?.map(() => value.uid) ?? [],
  )
  expect(held.map(({ value }) => value.endpoint).sort()).toEqual(owned.sort())
  const macs = parsed('mac').map(({ value }) => value.endpoint)
  expect(macs.filter((uid) => parsed('ep').some(({ value }) => value.uid === uid)).sort()).toEqual(
    parsed('ep')
      .map(({ value }) => value.uid)
      .sort(),
  )
  const reserved = new Map(parsed('ip').map(({ key, value }) => [key, value]))
  for (const { key, value } of held) {
    const own = reserved.get(key.replace('/endpoint/', '/reserved/'))
    const endpoint = parsed('ep').find((each) => each.value.uid === value.endpoint)?.value
    // Nobody has an address that is kept from him; whoever has one that belongs to a name was given it as such.
    expect([undefined, 'name']).toContain(own?.purpose)
    if (own !== undefined) expect(endpoint?.reserved).toBe(true)
  }
  const names = [...reserved.values()].filter(({ purpose }) => purpose === 'name').map(({ label }) => label)
  const kept = parsed('reservation').flatMap(({ value }) => (value.addresses as unknown[]).map(() => value.name))
  expect(names.sort()).toEqual(kept.sort())
}
