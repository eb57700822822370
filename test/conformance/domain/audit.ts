/** I27: every admin's change has one audit record, written with it; old ones go. */
import { describe, expect, it } from 'vitest'
import {
  createNetwork,
  type DomainDeps,
  newSweepMemory,
  removeNetwork,
  setUplink,
  sweep,
} from '../../../controller/src/domain/index.ts'
import { keys } from '../../../controller/src/domain/pure/keys.ts'
import { AuditRecord } from '../../../controller/src/domain/pure/records.ts'
import type { Entry } from '../../../controller/src/store/kv.ts'
import { type DomainStage, failure, lead, networkRequest, newRequest, on } from './world.ts'

const DAY_MS = 24 * 3_600_000

async function entriesOf({ kv }: DomainDeps): Promise<readonly Entry[]> {
  return (await kv.list(keys.audit(''))).entries
}

async function recordsOf(deps: DomainDeps): Promise<AuditRecord[]> {
  return (await entriesOf(deps)).map(({ value }) => AuditRecord.parse(JSON.parse(value)))
}

export function auditConformance(at: DomainStage): void {
  describe('audit', () => {
    it('tells each change once, in the transaction that makes it, in order', async () => {
      const request = networkRequest('front', on('10.1.0.0/24'))
      const { uid } = await createNetwork(at.deps, request, 'secret')
      await createNetwork(at.deps, request, 'secret')
      const mod = async (key: string) => (await at.deps.kv.get(key)).entry?.modRevision
      expect((await entriesOf(at.deps))[0]?.modRevision).toBe(await mod(keys.network(uid)))
      at.world.clock.advance(1)
      const uplink = { name: 'lan', host: 'docker1', interface: 'eth0', req: newRequest() }
      await setUplink(at.deps, uplink, 'local')
      await setUplink(at.deps, uplink, 'local')
      expect((await entriesOf(at.deps))[1]?.modRevision).toBe(await mod(keys.uplink('lan', 'docker1')))
      at.world.clock.advance(1)
      const taken = { ...uplink, interface: null, req: newRequest() }
      await setUplink(at.deps, taken, 'local')
      at.world.clock.advance(1)
      const removal = newRequest()
      const { revision } = await removeNetwork(at.deps, 'front', { req: removal }, 'local')
      expect((await entriesOf(at.deps))[3]?.modRevision).toBe(revision)
      expect(await recordsOf(at.deps)).toEqual([
        {
          v: 1,
          time: '2026-01-01T00:00:00.000Z',
          actor: 'secret',
          action: 'network.create',
          object: `network front (${uid})`,
          req: request.req,
        },
        expect.objectContaining({ actor: 'local', object: 'uplink lan of docker1 = eth0', req: uplink.req }),
        expect.objectContaining({ action: 'uplink.set', object: 'uplink lan of docker1 = none', req: taken.req }),
        expect.objectContaining({ action: 'network.remove', object: `network front (${uid})`, req: removal }),
      ])
    })

    it('tells nothing of what was refused or only tried', async () => {
      await at.create('front', on('10.1.0.0/24'))
      await at.create('back', { ...on('10.2.0.0/24'), dryRun: true })
      await failure(at.create('front', on('10.3.0.0/24')))
      await failure(removeNetwork(at.deps, 'other', { req: newRequest() }, 'local'))
      expect(await recordsOf(at.deps)).toHaveLength(1)
    })

    it('has room in the largest transaction that a network may need', async () => {
      const subnets = Array.from({ length: 16 }, (_, n) => ({ subnet: `10.${n + 1}.0.0/24` }))
      const auxAddresses = Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`a${n}`, `10.1.0.${n + 10}`]))
      const network = await at.create('front', { subnets, auxAddresses })
      await removeNetwork(at.deps, network.uid, { req: newRequest() }, 'local')
      expect(await recordsOf(at.deps)).toHaveLength(2)
    })

    it('goes after thirty days, or when there are too many, the oldest first', async () => {
      const guard = await lead(at.deps)
      const memory = newSweepMemory()
      const pass = async (audit?: { ms: number; most: number }) => {
        at.world.clock.advance(60_000)
        return (await sweep(at.deps, memory, guard, audit === undefined ? {} : { audit })).forgotten
      }
      await at.create('old', on('10.1.0.0/24'))
      at.world.clock.advance(29 * DAY_MS)
      for (let n = 0; n < 120; n++) {
        const wish = { name: 'lan', host: 'docker1', interface: n % 2 === 0 ? 'eth0' : 'docker0', req: newRequest() }
        await setUplink(at.deps, wish, 'local')
      }
      expect(await pass()).toBe(0)
      at.world.clock.advance(DAY_MS)
      expect(await pass()).toBe(1)
      expect((await recordsOf(at.deps)).map(({ action }) => action)).not.toContain('network.create')
      expect(await pass({ ms: 30 * DAY_MS, most: 7 })).toBe(113)
      expect(await recordsOf(at.deps)).toHaveLength(7)
      expect(await sweep(at.deps, memory, guard, { audit: { ms: 0, most: 0 } })).toMatchObject({ forgotten: 0 })
    })
  })
}
