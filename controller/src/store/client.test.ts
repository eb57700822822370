import { describe, expect, it } from 'vitest'
import { ManualTime, settle } from '../../../test/support/manual-time.ts'
import { Cache, keysAsTheyAre } from './cache.ts'
import { commit } from './commit.ts'
import type { Kv, WatchBatch } from './kv.ts'
import { type ModelFault, ModelStore } from './model.ts'
import { when } from './txn.ts'
import { revisionOf, watchPrefix } from './watch.ts'
import type { Wire } from './wire.ts'

const random = () => 0.5

function world() {
  const time = new ManualTime()
  const store = new ModelStore({ time })
  const faults: ModelFault[] = []
  const kv = store.connect({ random, fault: (call) => (call === 'watch' ? 'none' : (faults.shift() ?? 'none')) })
  const put = async (key: string, value = 'x') =>
    (await kv.txn(when([], [{ put: key, value }]), { requestId: key })).revision
  return { time, store, faults, kv, put }
}

/** Starts a promise, passes time until it settles, and gives it back. */
async function during<T>(time: ManualTime, call: Promise<T>, limitMs = 60_000): Promise<T> {
  let done = false
  call.then(
    () => {
      done = true
    },
    () => {
      done = true
    },
  )
  await settle()
  for (let at = 0; at < limitMs && !done; at += 50) await time.pass(50)
  return call
}

describe('reads', () => {
  it('are repeated within the budget, and no longer', async () => {
    const { time, faults, kv } = world()
    faults.push('refuse', 'lose-answer', 'refuse')
    await expect(during(time, kv.get('/a'))).resolves.toMatchObject({ revision: 1 })
    faults.push(...Array.from({ length: 200 }, (): ModelFault => 'lose-request'))
    const begin = time.monotonicMs()
    await expect(during(time, kv.get('/a', { deadlineMs: 3_000 }))).rejects.toMatchObject({ code: 'deadline' })
    expect(time.monotonicMs() - begin).toBeLessThanOrEqual(3_100)
  })
})

describe('transactions', () => {
  it('that certainly did not arrive are sent again, others never', async () => {
    const { time, store, faults, kv } = world()
    faults.push('refuse', 'refuse')
    const txn = when([], [{ put: '/a', value: '1' }])
    await expect(during(time, kv.txn(txn, { requestId: 'r' }))).resolves.toEqual({ succeeded: true, revision: 2 })
    for (const fault of ['break-answer', 'lose-answer'] as const) {
      const before = store.revision
      faults.push(fault)
      await expect(during(time, kv.txn(txn, { requestId: 'r' }))).rejects.toMatchObject({ ambiguous: true })
      expect(store.revision).toBe(before + 1)
    }
  })

  it('are settled by commit(): its own work is recognised, another is not', async () => {
    const { time, store, faults, kv } = world()
    const create = (req: string) =>
      commit(kv, when([{ key: '/a', create: 0 }], [{ put: '/a', value: req }], [{ get: '/a' }]), {
        requestId: req,
        recognise: ([read]) => read?.entries.find(({ value }) => value === req),
        time,
        random,
      })
    faults.push('lose-request', 'break-answer', 'refuse')
    expect(await during(time, create('one'))).toEqual({ committed: true, revision: 2, repeated: true })
    expect(await during(time, create('one'))).toEqual({ committed: true, revision: 2, repeated: true })
    expect(await during(time, create('two'))).toMatchObject({ committed: false })
    expect(store.revision).toBe(2)
  })

  it('stay ambiguous when commit() runs out of time after one attempt that was', async () => {
    const { time, faults, kv } = world()
    faults.push('lose-answer', ...Array.from({ length: 500 }, (): ModelFault => 'refuse'))
    const call = commit(kv, when([{ key: '/a', create: 0 }], [{ put: '/a', value: '' }]), {
      requestId: 'r',
      recognise: () => undefined,
      time,
      random,
    })
    await expect(during(time, call)).rejects.toMatchObject({ code: 'unavailable', ambiguous: true })
  })

  it('without a condition are refused by commit()', async () => {
    const { kv } = world()
    const call = commit(kv, when([], []), { requestId: 'r', recognise: () => undefined })
    await expect(call).rejects.toMatchObject({ code: 'invalid' })
  })
})

describe('watch', () => {
  it('resumes after each break where it was, through a backlog of many answers, and skips nothing', async () => {
    const { time, store, kv, put } = world()
    for (let at = 0; at < 2_500; at++) await put(`/w/${at}`)
    const stop = new AbortController()
    const seen: number[] = []
    const reading = (async () => {
      for await (const batch of kv.watch('/w/', { fromRevision: 2, signal: stop.signal })) {
        if (batch.kind !== 'events') continue
        for (const event of batch.events) if (event.kind === 'put') seen.push(event.entry.modRevision)
        if (seen.length === 1_000 || seen.length === 2_500) store.breakWatches()
        if (batch.revision === 2_502) stop.abort()
      }
    })()
    await time.pass(1_000)
    await put('/w/last')
    await during(time, reading)
    expect(seen).toEqual(Array.from({ length: 2_501 }, (_, at) => at + 2))
  })

  it('leaves out what a server sends again or should not have sent (etcd#15271, #20221)', async () => {
    const put = (modRevision: number) => ({
      kind: 'put' as const,
      entry: { key: '/w/a', value: '', createRevision: 2, modRevision },
    })
    const stop = new AbortController()
    const server: Pick<Wire, 'watch'> = {
      watch(_range, _from, listener) {
        for (const events of [[put(3), put(4)], [put(5), put(6)], [put(4)], [put(6), put(7)]]) {
          listener.answer({ kind: 'events', events })
        }
        return { ping() {}, pause() {}, resume() {}, close() {} }
      },
    }
    const seen: number[] = []
    const tuning = { time: new ManualTime(), random, pingMs: 1_000, silenceMs: 3_000, onReconnect() {} }
    for await (const batch of watchPrefix(server, '/w/', { fromRevision: 5, signal: stop.signal }, tuning)) {
      if (batch.kind !== 'events') continue
      seen.push(...batch.events.map(revisionOf))
      if (batch.revision === 7) stop.abort()
    }
    expect(seen).toEqual([5, 6, 7])
  })

  it('tells by pongs only what was delivered, and by the periodic notice what the server vouches for', async () => {
    const { time, store, kv, put } = world()
    await put('/w/a')
    const stop = new AbortController()
    const batches: WatchBatch[] = []
    const reading = (async () => {
      for await (const batch of kv.watch('/w/', { fromRevision: 2, signal: stop.signal })) batches.push(batch)
    })()
    await settle()
    await put('/other')
    await time.pass(5_000)
    store.notifyProgress()
    await settle()
    stop.abort()
    await reading
    expect(batches.slice(1)).toEqual([
      { kind: 'progress', revision: 2 },
      { kind: 'progress', revision: 3 },
    ])
  })
})

describe('lease', () => {
  it('is not believed in after a freeze, before any timer ran', async () => {
    const { time, kv } = world()
    const lease = await kv.grantLease(10)
    await time.pass(60_000)
    expect(lease.valid()).toBe(true)
    time.freeze(9_500)
    expect(lease.valid()).toBe(false)
  })

  it('is lost before its TTL when renewals go unanswered, and at once when it is gone', async () => {
    const { time, store, faults, kv } = world()
    const lease = await kv.grantLease(10)
    faults.push(...Array.from({ length: 50 }, (): ModelFault => 'lose-request'))
    await time.pass(8_900)
    expect(lease.valid()).toBe(true)
    await time.pass(200)
    expect(lease.lost.aborted).toBe(true)
    faults.length = 0
    const other = await kv.grantLease(10)
    store.expireLease(other.id)
    await time.pass(4_000)
    expect(other.lost.aborted).toBe(true)
  })
})

describe('cache', () => {
  it('counts and mends what the watch left out, and does not take a moving store for a mismatch', async () => {
    const { time, kv, put } = world()
    await put('/c/a')
    const deafTo = '/c/lost'
    const lossy: Kv = {
      ...kv,
      async *watch(prefix, options) {
        for await (const batch of kv.watch(prefix, options)) {
          if (batch.kind !== 'events') yield batch
          else yield { ...batch, events: batch.events.filter((e) => e.kind !== 'put' || e.entry.key !== deafTo) }
        }
      },
    }
    const stop = new AbortController()
    const problems: string[] = []
    const cache = new Cache(lossy, {
      prefix: '/c/',
      reading: keysAsTheyAre,
      signal: stop.signal,
      time,
      random,
      verifyMs: 60_000,
      onProblem: ({ what }) => problems.push(what),
    })
    for (let at = 0; at < 100; at++) {
      await put(`/c/${at % 9}`)
      await time.pass(1_500)
    }
    expect(cache.counters).toMatchObject({ verifications: 2, mismatches: 0, lists: 1 })
    await put(deafTo)
    await time.pass(200)
    expect(cache.current().entries.has(deafTo)).toBe(false)
    await time.pass(70_000)
    expect(cache.counters).toMatchObject({ mismatches: 1, lists: 2 })
    expect(problems).toEqual(['the watch lost changes'])
    expect(cache.current().entries.has(deafTo)).toBe(true)
    expect([...cache.current().entries.values()]).toEqual((await kv.list('/c/')).entries)
    stop.abort()
    await cache.ended
  })

  it('ages while the store is silent', async () => {
    const { time, store, kv, put } = world()
    await put('/c/a')
    const stop = new AbortController()
    const cache = new Cache(kv, { prefix: '/c/', reading: keysAsTheyAre, signal: stop.signal, time, random })
    expect(cache.ageMs()).toBe(Number.POSITIVE_INFINITY)
    await time.pass(30_000)
    expect(cache.ageMs()).toBeLessThanOrEqual(5_000)
    store.compact(store.revision)
    stop.abort()
    await cache.ended
    time.freeze(9_000)
    expect(cache.ageMs()).toBeGreaterThanOrEqual(9_000)
  })
})
