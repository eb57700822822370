import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Cache, type FollowOptions, type KeyChange, keysAsTheyAre } from '../../controller/src/store/cache.ts'
import { commit } from '../../controller/src/store/commit.ts'
import { campaign } from '../../controller/src/store/election.ts'
import type { Entry, Kv, ReadAnswer, WatchEvent } from '../../controller/src/store/kv.ts'
import { when } from '../../controller/src/store/txn.ts'

/** A store under test: any number of clients of one server. */
export interface StoreUnderTest {
  connect(): Kv
  /** Shortest TTL that it grants, seconds. */
  readonly shortestTtl: number
  compact(revision: number): Promise<void>
  stop(): Promise<void>
}

let serial = 0

/** What every implementation of the store must do. TRUTH.md's transaction shapes are here in reduced form. */
export function kvConformance(name: string, start: () => Promise<StoreUnderTest>): void {
  describe(`store: ${name}`, () => {
    let store: StoreUnderTest
    let kv: Kv
    beforeAll(async () => {
      store = await start()
      kv = store.connect()
    })
    afterAll(async () => {
      kv?.close()
      await store?.stop()
    })
    /** A prefix that no other test uses. */
    const fresh = () => `/t/${++serial}/`
    const requestId = () => `req-${++serial}`
    const put = async (key: string, value: string) => {
      const answer = await kv.txn(when([], [{ put: key, value }]), { requestId: requestId() })
      return answer.revision
    }

    describe('reads', () => {
      it('gets a record with its revisions, and nothing for an absent key', async () => {
        const p = fresh()
        const first = await put(`${p}a`, 'one')
        const second = await put(`${p}a`, 'zwei ü €')
        const { entry, revision } = await kv.get(`${p}a`)
        expect(entry).toEqual({ key: `${p}a`, value: 'zwei ü €', createRevision: first, modRevision: second })
        expect(revision).toBeGreaterThanOrEqual(second)
        expect((await kv.get(`${p}b`)).entry).toBeUndefined()
      })

      it('lists a prefix in key order, with a limit, and counts it', async () => {
        const p = fresh()
        for (const key of ['b', 'a', 'c/1', 'B']) await put(p + key, key)
        await put(`${p.slice(0, -1)}0`, 'outside')
        const all = await kv.list(p)
        expect(all.entries.map(({ value }) => value)).toEqual(['B', 'a', 'b', 'c/1'])
        expect(all.count).toBe(4)
        const some = await kv.list(p, { limit: 2 })
        expect(some.entries.map(({ value }) => value)).toEqual(['B', 'a'])
        expect(some.count).toBe(4)
        expect((await kv.count(p)).count).toBe(4)
        expect((await kv.list(fresh())).entries).toEqual([])
      })

      it('reads an older revision as it was', async () => {
        const p = fresh()
        const first = await put(`${p}a`, 'old')
        await put(`${p}a`, 'new')
        await put(`${p}b`, 'new')
        const then = await kv.list(p, { revision: first })
        expect(then.entries.map(({ value }) => value)).toEqual(['old'])
        expect(then.revision).toBe(first)
        expect((await kv.get(`${p}a`, { revision: first })).entry?.value).toBe('old')
        expect((await kv.count(p, { revision: first })).count).toBe(1)
      })

      it('refuses a future revision', async () => {
        const { revision } = await kv.get('/none')
        await expect(kv.get('/none', { revision: revision + 1_000_000 })).rejects.toMatchObject({ code: 'not_found' })
      })

      it('lists more entries than one page at one revision', async () => {
        const p = fresh()
        for (let batch = 0; batch < 42; batch++) {
          const keys = Array.from({ length: 120 }, (_, at) => `${p}${String(batch * 120 + at).padStart(5, '0')}`)
          await kv.txn(
            when(
              [],
              keys.map((key) => ({ put: key, value: 'x' })),
            ),
            { requestId: requestId() },
          )
        }
        const { entries, count } = await kv.list(p)
        expect(count).toBe(5_040)
        expect(new Set(entries.map(({ key }) => key)).size).toBe(5_040)
        expect(entries.at(-1)?.key).toBe(`${p}05039`)
      })

      it('refuses keys that are not printable ASCII, and the empty prefix', async () => {
        await expect(kv.get('/ü')).rejects.toMatchObject({ code: 'invalid' })
        await expect(kv.list('')).rejects.toMatchObject({ code: 'invalid' })
      })
    })

    describe('transactions', () => {
      it('compares create and mod revisions by each relation', async () => {
        const key = `${fresh()}k`
        const create = await put(key, '1')
        const mod = await put(key, '2')
        const holds = async (compare: Parameters<typeof when>[0][number]) =>
          (await kv.txn(when([compare], []), { requestId: requestId() })).succeeded
        expect(await holds({ key, create })).toBe(true)
        expect(await holds({ key, create: mod })).toBe(false)
        expect(await holds({ key, mod })).toBe(true)
        expect(await holds({ key, mod: create })).toBe(false)
        expect(await holds({ key, mod: create, op: '!=' })).toBe(true)
        expect(await holds({ key, mod: create, op: '>' })).toBe(true)
        expect(await holds({ key, mod: create, op: '<' })).toBe(false)
        expect(await holds({ key, create: mod, op: '<' })).toBe(true)
        expect(await holds({ key: `${key}absent`, create: 0 })).toBe(true)
        expect(await holds({ key: `${key}absent`, mod: 0 })).toBe(true)
        expect(await holds({ key, create: 0 })).toBe(false)
      })

      it('writes all at one revision, and nothing when the condition fails', async () => {
        const p = fresh()
        const keep = await put(`${p}keep`, 'k')
        const done = await kv.txn(
          when(
            [{ key: `${p}a`, create: 0 }],
            [{ put: `${p}a`, value: 'a' }, { put: `${p}b`, value: 'b' }, { delete: `${p}keep` }],
          ),
          { requestId: requestId() },
        )
        expect(done).toEqual({ succeeded: true, revision: keep + 1 })
        const { entries } = await kv.list(p)
        expect(entries.map(({ key, modRevision }) => [key, modRevision])).toEqual([
          [`${p}a`, keep + 1],
          [`${p}b`, keep + 1],
        ])
        const again = await kv.txn(
          when(
            [{ key: `${p}a`, create: 0 }],
            [{ deleteRange: p }],
            [{ get: `${p}a` }, { get: `${p}none` }, { list: p, limit: 1 }, { list: p, countOnly: true }],
          ),
          { requestId: requestId() },
        )
        expect(again.revision).toBe(keep + 1)
        expect(reads(again)).toMatchObject([
          { entries: [{ value: 'a' }], count: 1 },
          { entries: [], count: 0 },
          { entries: [{ value: 'a' }], count: 2 },
          { entries: [], count: 2 },
        ])
        expect((await kv.count(p)).count).toBe(2)
      })

      it('does not turn the revision when nothing changed', async () => {
        const p = fresh()
        const at = await put(`${p}a`, 'a')
        const answer = await kv.txn(when([], [{ delete: `${p}none` }, { deleteRange: `${p}no/` }]), {
          requestId: requestId(),
        })
        expect(answer).toEqual({ succeeded: true, revision: at })
      })

      it('deletes a range, and a key deleted and made again has a new create revision', async () => {
        const p = fresh()
        for (const key of ['x/1', 'x/2', 'y']) await put(p + key, key)
        await kv.txn(when([], [{ deleteRange: `${p}x/` }]), { requestId: requestId() })
        expect((await kv.list(p)).entries.map(({ value }) => value)).toEqual(['y'])
        const again = await put(`${p}x/1`, 'again')
        expect((await kv.get(`${p}x/1`)).entry?.createRevision).toBe(again)
      })

      it('takes 128 operations in a transaction and refuses 129', async () => {
        const p = fresh()
        const ops = Array.from({ length: 129 }, (_, at) => ({ put: `${p}${at}`, value: 'x' }))
        const done = await kv.txn(when([], ops.slice(1)), { requestId: requestId() })
        expect(done.succeeded).toBe(true)
        await expect(kv.txn(when([], ops), { requestId: requestId() })).rejects.toMatchObject({ code: 'invalid' })
        const compares = ops.map((op) => ({ key: op.put, create: 0 }))
        await expect(kv.txn(when(compares, []), { requestId: requestId() })).rejects.toMatchObject({ code: 'invalid' })
      })

      it('refuses a key written twice in one transaction', async () => {
        const key = `${fresh()}k`
        const twice = when(
          [],
          [
            { put: key, value: '1' },
            { put: key, value: '2' },
          ],
        )
        await expect(kv.txn(twice, { requestId: requestId() })).rejects.toMatchObject({ code: 'invalid' })
        const both = when([], [{ put: key, value: '1' }, { deleteRange: key.slice(0, -1) }])
        await expect(kv.txn(both, { requestId: requestId() })).rejects.toMatchObject({ code: 'invalid' })
        expect((await kv.get(key)).entry).toBeUndefined()
      })

      it('refuses a put under a lease that is not there, and changes nothing', async () => {
        const p = fresh()
        const txn = when(
          [],
          [
            { put: `${p}a`, value: '1' },
            { put: `${p}b`, value: '1', lease: '987654321' },
          ],
        )
        await expect(kv.txn(txn, { requestId: requestId() })).rejects.toMatchObject({ code: 'not_found' })
        expect((await kv.count(p)).count).toBe(0)
      })

      it('T1: of two allocators of one address one wins, and the other learns who', async () => {
        const p = fresh()
        const sub = await put(`${p}sub`, '{}')
        const allocate = (client: Kv, ep: string) =>
          commit(
            client,
            when(
              [
                { key: `${p}sub`, create: sub },
                { key: `${p}ip/1`, create: 0 },
                { key: `${p}ep/${ep}`, create: 0 },
              ],
              [
                { put: `${p}ip/1`, value: JSON.stringify({ ep, req: ep }) },
                { put: `${p}ep/${ep}`, value: JSON.stringify({ ip: 1, req: ep }) },
              ],
              [{ get: `${p}sub` }, { get: `${p}ip/1` }, { get: `${p}ep/${ep}` }],
            ),
            { requestId: ep, recognise: (answers) => ownRecord(answers, ep) },
          )
        const other = store.connect()
        const outcomes = await Promise.all([allocate(kv, 'one'), allocate(other, 'two')])
        expect(outcomes.filter(({ committed }) => committed)).toHaveLength(1)
        const lost = outcomes.find(({ committed }) => !committed)
        const winner = outcomes[0]?.committed ? 'one' : 'two'
        expect(lost?.committed === false && lost.reads[1]?.entries[0]?.value).toContain(winner)
        const repeated = await allocate(other, winner)
        expect(repeated).toMatchObject({ committed: true, repeated: true })
        expect((await kv.count(`${p}ep/`)).count).toBe(1)
        other.close()
      })

      it('T6: of 20 racers for one generation 1 is made and 19 are refused', async () => {
        const p = fresh()
        const gen = await put(`${p}gen`, '0')
        const race = await Promise.all(
          Array.from({ length: 20 }, (_, racer) =>
            kv.txn(
              when(
                [{ key: `${p}gen`, mod: gen }],
                [
                  { put: `${p}sub/${racer}`, value: '{}' },
                  { put: `${p}gen`, value: String(racer) },
                ],
                [{ get: `${p}gen` }],
              ),
              { requestId: `racer-${racer}` },
            ),
          ),
        )
        expect(race.filter(({ succeeded }) => succeeded)).toHaveLength(1)
        expect((await kv.count(`${p}sub/`)).count).toBe(1)
      })

      it('T7: deletes a subnet only when no endpoint lies in its range', async () => {
        const p = fresh()
        await put(`${p}sub/1`, '{}')
        await put(`${p}ep/1/a`, '{}')
        await put(`${p}ep/10/a`, 'of another subnet')
        const remove = () =>
          kv.txn(
            when(
              [{ range: `${p}ep/1/`, empty: true }],
              [{ delete: `${p}sub/1` }],
              [{ list: `${p}ep/1/`, countOnly: true }],
            ),
            { requestId: requestId() },
          )
        const refused = await remove()
        expect(reads(refused)[0]?.count).toBe(1)
        await kv.txn(when([], [{ delete: `${p}ep/1/a` }]), { requestId: requestId() })
        expect((await remove()).succeeded).toBe(true)
        expect((await kv.get(`${p}sub/1`)).entry).toBeUndefined()
      })

      it('T7: tells whether anything in a range was written since', async () => {
        const p = fresh()
        await put(`${p}ep/10/a`, 'of another subnet')
        const untouched = async (since: number) => {
          const txn = when([{ range: `${p}ep/1/`, writtenBefore: since }], [])
          return (await kv.txn(txn, { requestId: requestId() })).succeeded
        }
        expect(await untouched(1)).toBe(true)
        const first = await put(`${p}ep/1/a`, '{}')
        expect(await untouched(first + 1)).toBe(true)
        expect(await untouched(first)).toBe(false)
        await put(`${p}ep/1/b`, '{}')
        expect(await untouched(first + 1)).toBe(false)
      })
    })

    describe('watch', () => {
      it('brings history and news of the prefix, each revision whole, in order and once', async () => {
        const p = fresh()
        const from = await put(`${p}a`, '1')
        const stop = new AbortController()
        const seen: WatchEvent[][] = []
        const reading = (async () => {
          for await (const batch of kv.watch(p, { fromRevision: from, signal: stop.signal })) {
            if (batch.kind !== 'events') continue
            seen.push([...batch.events])
            if (seen.flat().length >= 5) stop.abort()
          }
        })()
        await put(`/other/${p}`, 'not ours')
        await kv.txn(
          when(
            [],
            [
              { put: `${p}b`, value: '2' },
              { put: `${p}c`, value: '3' },
            ],
          ),
          { requestId: requestId() },
        )
        await kv.txn(when([], [{ delete: `${p}a` }]), { requestId: requestId() })
        const last = await put(`${p}a`, '4')
        await reading
        const events = seen.flat()
        expect(events.map((event) => (event.kind === 'put' ? event.entry.value : 'gone'))).toEqual([
          '1',
          '2',
          '3',
          'gone',
          '4',
        ])
        expect(events[3]).toEqual({ kind: 'delete', key: `${p}a`, modRevision: last - 1 })
        const whole = seen.find((batch) => batch.some((event) => event.kind === 'put' && event.entry.value === '2'))
        expect(whole?.some((event) => event.kind === 'put' && event.entry.value === '3')).toBe(true)
      })

      it('does not show what is older than asked for, nor wait for the future to be past', async () => {
        const p = fresh()
        const first = await put(`${p}a`, '1')
        const stop = new AbortController()
        const reading = (async () => {
          for await (const batch of kv.watch(p, { fromRevision: first + 2, signal: stop.signal })) {
            if (batch.kind === 'events') return batch.events
          }
          return []
        })()
        await put(`${p}a`, '2')
        await put(`${p}a`, '3')
        expect(await reading).toMatchObject([{ entry: { value: '3' } }])
      })

      it('tells a compaction with its revision and ends', async () => {
        const p = fresh()
        const from = await put(`${p}a`, '1')
        await put(`${p}a`, '2')
        const last = await put(`${p}a`, '3')
        await store.compact(last)
        const batches = []
        for await (const batch of kv.watch(p, { fromRevision: from, signal: AbortSignal.timeout(10_000) }))
          batches.push(batch)
        expect(batches).toEqual([{ kind: 'compacted', compactRevision: last }])
        await expect(kv.get(`${p}a`, { revision: from })).rejects.toMatchObject({ code: 'not_found' })
        expect((await kv.get(`${p}a`, { revision: last })).entry?.value).toBe('3')
      })

      it('ends when called off', async () => {
        const stop = new AbortController()
        setTimeout(() => stop.abort(), 30)
        const batches = []
        for await (const batch of kv.watch(fresh(), { fromRevision: 1_000_000, signal: stop.signal }))
          batches.push(batch)
        expect(batches).toEqual([])
      })
    })

    describe('leases', () => {
      it('keep their keys beyond the TTL, and take them along when revoked, at one revision', async () => {
        const p = fresh()
        const lease = await kv.grantLease(store.shortestTtl)
        const ops = [
          { put: `${p}a`, value: '1', lease: lease.id },
          { put: `${p}b`, value: '1', lease: lease.id },
        ]
        const { revision } = await kv.txn(when([], ops), { requestId: requestId() })
        expect((await kv.get(`${p}a`)).entry?.lease).toBe(lease.id)
        await new Promise((resolve) => setTimeout(resolve, 1_750 * store.shortestTtl))
        expect(lease.valid()).toBe(true)
        expect((await kv.count(p)).count).toBe(2)
        await lease.revoke()
        expect(lease.valid()).toBe(false)
        expect(lease.lost.aborted).toBe(true)
        expect((await kv.list(p)).revision).toBe(revision + 1)
        expect((await kv.count(p)).count).toBe(0)
        await lease.revoke()
      })

      it('let go of a key that is put again without them', async () => {
        const key = `${fresh()}k`
        const lease = await kv.grantLease(5)
        await kv.txn(when([], [{ put: key, value: '1', lease: lease.id }]), { requestId: requestId() })
        await put(key, '2')
        await lease.revoke()
        expect((await kv.get(key)).entry?.value).toBe('2')
      })

      it('without a keeper live as long as somebody renews them, through any client, and no longer', async () => {
        const key = `${fresh()}k`
        const other = store.connect()
        const lease = await kv.grantUnkeptLease(store.shortestTtl)
        await kv.txn(when([], [{ put: key, value: '1', lease }]), { requestId: requestId() })
        const renewals = 4
        for (let renewal = 0; renewal < renewals; renewal++) {
          await new Promise((resolve) => setTimeout(resolve, (1_000 * store.shortestTtl) / 2))
          expect(await other.refreshLease(lease)).toBe(true)
        }
        expect((await kv.get(key)).entry?.value).toBe('1')
        await new Promise((resolve) => setTimeout(resolve, 2_500 * store.shortestTtl))
        expect((await kv.get(key)).entry).toBeUndefined()
        expect(await other.refreshLease(lease)).toBe(false)
        other.close()
      })
    })

    describe('election', () => {
      it('T10 and T11: one leads at a time, the next gets a greater token, and a former leader commits nothing', async () => {
        const p = fresh()
        const stop = new AbortController()
        const other = store.connect()
        const options = { key: `${p}leader`, ttlSeconds: 3, signal: stop.signal }
        const first = await campaign(kv, { ...options, name: 'one', requestId: requestId() })
        let second: Awaited<ReturnType<typeof campaign>> | undefined
        const waiting = campaign(other, { ...options, name: 'two', requestId: requestId() }).then((leadership) => {
          second = leadership
        })
        const guarded = (guard: ReturnType<typeof first.guard>) =>
          kv.txn(when([guard], [{ put: `${p}work`, value: 'done' }]), { requestId: requestId() })
        expect(first.valid()).toBe(true)
        expect((await guarded(first.guard())).succeeded).toBe(true)
        expect(second).toBeUndefined()
        await first.resign()
        expect(first.valid()).toBe(false)
        await waiting
        expect(second?.token).toBeGreaterThan(first.token)
        expect((await guarded(first.guard())).succeeded).toBe(false)
        expect(second !== undefined && (await guarded(second.guard())).succeeded).toBe(true)
        // The key taken away by hand: the leader steps down.
        await kv.txn(when([], [{ delete: `${p}leader` }]), { requestId: requestId() })
        if (second?.lost.aborted === false) {
          await new Promise((resolve) => second?.lost.addEventListener('abort', resolve))
        }
        expect(second?.valid()).toBe(false)
        stop.abort()
        other.close()
      })
    })

    describe('cache', () => {
      const open = (prefix: string, signal: AbortSignal, more: FollowOptions = {}) =>
        new Cache(kv, { ...more, prefix, reading: keysAsTheyAre, signal })

      it('equals the store after changes, compaction and comparison, and tells its revisions', async () => {
        const p = fresh()
        await put(`${p}b`, '1')
        const stop = new AbortController()
        const cache = open(p, stop.signal, { verifyMs: 50 })
        expect(() => cache.current()).toThrow(/unavailable/)
        const told: number[] = []
        const listening = (async () => {
          for await (const { revision } of cache.changes(stop.signal)) told.push(revision)
        })()
        let last = 0
        for (let at = 0; at < 40; at++) last = await put(`${p}${at % 7}`, String(at))
        last = (await kv.txn(when([], [{ delete: `${p}3` }]), { requestId: requestId() })).revision
        // By the watch alone: who waits for a revision on a busy machine may make a list.
        await expect.poll(() => cache.current().revision, { timeout: 5_000 }).toBeGreaterThanOrEqual(last)
        const { entries } = await kv.list(p)
        expect([...cache.current().entries.values()]).toEqual(entries)
        await new Promise((resolve) => setTimeout(resolve, 200))
        expect(cache.counters).toMatchObject({ lists: 1, mismatches: 0 })
        expect(cache.counters.verifications).toBeGreaterThan(0)
        expect(told.at(-1)).toBeGreaterThanOrEqual(last)
        expect(told).toEqual([...told].sort((a, b) => a - b))
        await expect(cache.waitFor(last + 1_000, AbortSignal.timeout(30))).rejects.toMatchObject({ code: 'deadline' })
        expect(cache.ageMs()).toBeLessThan(5_000)
        stop.abort()
        await Promise.all([cache.ended, listening])
      })

      it('tells each key with what it held and holds', async () => {
        const p = fresh()
        await put(`${p}a`, 'old')
        const stop = new AbortController()
        const cache = open(p, stop.signal)
        await cache.newest()
        const told: KeyChange[] = []
        const listening = (async () => {
          for await (const { records, reset } of cache.changes(stop.signal)) {
            expect(reset).toBe(false)
            told.push(...records)
          }
        })()
        await put(`${p}a`, 'new')
        await put(`${p}b`, 'made')
        const { revision } = await kv.txn(when([], [{ delete: `${p}a` }]), { requestId: requestId() })
        // By the watch alone: a list tells what came of several changes.
        await expect.poll(() => cache.current().revision, { timeout: 5_000 }).toBeGreaterThanOrEqual(revision)
        await new Promise((resolve) => setTimeout(resolve))
        const values = told.map(({ key, before, after }) => [key, before?.value, after?.value])
        expect(values).toEqual([
          [`${p}a`, 'old', 'new'],
          [`${p}b`, undefined, 'made'],
          [`${p}a`, 'new', undefined],
        ])
        stop.abort()
        await Promise.all([cache.ended, listening])
      })

      it('waits for a revision that was written outside its prefix, again and again', async () => {
        const stop = new AbortController()
        const cache = open(fresh(), stop.signal)
        for (let at = 0; at < 3; at++) {
          const elsewhere = await put(`${fresh()}k`, 'x')
          // Two at once share a list, which may be older than the second wish.
          const later = new Promise<void>((resolve) => setTimeout(resolve, 255)).then(() => put(`${fresh()}k`, 'y'))
          await Promise.all([cache.waitFor(elsewhere), later.then((revision) => cache.waitFor(revision))])
          expect(cache.current().revision).toBeGreaterThanOrEqual(await later)
        }
        stop.abort()
        await cache.ended
      })
    })
  })
}

function reads(answer: Awaited<ReturnType<Kv['txn']>>): readonly ReadAnswer[] {
  if (answer.succeeded) throw new Error('the transaction should have been refused')
  return answer.reads
}

/** The record among the reads that a request wrote. */
export function ownRecord(answers: readonly ReadAnswer[], req: string): Entry | undefined {
  return answers.flatMap(({ entries }) => entries).find(({ value }) => JSON.parse(value).req === req)
}
