import { WeftError } from '@weft/shared'
import { describe, expect, it } from 'vitest'
import type { Kv, WatchBatch } from '../store/kv.ts'
import { ModelStore } from '../store/model.ts'
import { openClusterCache } from './cluster-cache.ts'
import { commitAlone } from './group-commit.ts'
import { keys } from './pure/keys.ts'
import type { RecordChange } from './pure/view.ts'

const uplink = (name: string) => keys.uplink(name, 'docker1')

async function set(kv: Kv, name: string, link: string | undefined, gen = 1): Promise<void> {
  const { entry } = await kv.get(uplink(name))
  const value = JSON.stringify({ v: 1, req: 'test-request', gen, interface: link })
  await commitAlone(kv, {
    when: [{ key: uplink(name), mod: entry?.modRevision ?? 0 }],
    write: [link === undefined ? { delete: uplink(name) } : { put: uplink(name), value }],
    read: [],
    requestId: `set-${name}`,
  })
}

const until = async (holds: () => boolean) => {
  for (let tries = 0; !holds(); tries++) {
    if (tries > 300) throw new Error('it never holds')
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

/** The store as a client sees it whose watch loses what `keep` refuses. */
function losing(kv: Kv, keep: (key: string) => boolean): Kv {
  const keyOf = (event: { kind: string; key?: string; entry?: { key: string } }) => event.entry?.key ?? event.key ?? ''
  async function* watch(batches: AsyncIterable<WatchBatch>): AsyncGenerator<WatchBatch> {
    for await (const batch of batches) {
      if (batch.kind === 'events') yield { ...batch, events: batch.events.filter((event) => keep(keyOf(event))) }
      else yield batch
    }
  }
  return { ...kv, watch: (prefix, options) => watch(kv.watch(prefix, options)) }
}

describe('cluster cache', () => {
  it('finds and mends what the watch lost, by comparing', async () => {
    const kv = new ModelStore().connect()
    const life = new AbortController()
    const problems: string[] = []
    await set(kv, 'gone', 'eth0')
    const lossy = losing(kv, (key) => !key.includes('gone') && !key.includes('late'))
    const onProblem = ({ what, why }: { what: string; why: string }) => void problems.push(`${what}: ${why}`)
    const cache = await openClusterCache(lossy, life.signal, { verifyMs: 30, onProblem })
    await set(kv, 'gone', undefined)
    await set(kv, 'late', 'eth1')
    await until(() => cache.current().uplinks.has('late'))
    expect(cache.current().uplinks.has('gone')).toBe(false)
    expect(problems).toContainEqual(expect.stringContaining('the watch lost changes'))
    life.abort()
  })

  it('tells its readers what history says of a record that came, and was damaged, unseen', async () => {
    const kv = new ModelStore().connect()
    const life = new AbortController()
    const lossy = losing(kv, (key) => !key.includes('late'))
    const cache = await openClusterCache(lossy, life.signal, { verifyMs: 30 })
    const told: RecordChange[] = []
    const reading = (async () => {
      for await (const { records } of cache.changes(life.signal)) told.push(...records)
    })()
    await set(kv, 'late', 'eth1')
    await set(kv, 'late', 'not an interface')
    await until(() => told.length > 0)
    expect(told).toMatchObject([{ kind: 'uplink', name: 'late', after: { value: { interface: 'eth1' } } }])
    expect([[...cache.current().damaged.keys()], [...cache.current().lost]]).toEqual([[uplink('late')], []])
    life.abort()
    await reading
  })

  it.each(['by comparing', 'by asking'])(
    'goes back with etcd, %s, tells everyone to look anew, and goes on',
    async (how) => {
      const [before, restored] = [new ModelStore().connect(), new ModelStore().connect()]
      await set(before, 'lan', 'eth0')
      for (let gen = 2; gen < 9; gen++) await set(before, 'lan', `eth${gen}`, gen)
      await set(restored, 'lan', 'eth1')
      let store = before
      const switched: Kv = {
        ...before,
        get: (...call) => store.get(...call),
        list: (...call) => store.list(...call),
        watch: (...call) => store.watch(...call),
      }
      const life = new AbortController()
      const problems: string[] = []
      const cache = await openClusterCache(switched, life.signal, {
        verifyMs: how === 'by comparing' ? 30 : 300_000,
        onProblem: ({ what }) => problems.push(what),
      })
      const changes = cache.changes(life.signal)[Symbol.asyncIterator]()
      const link = () => cache.current().uplinks.get('lan')?.get('docker1')?.value.interface
      expect(link()).toBe('eth8')
      store = restored
      if (how === 'by comparing') await until(() => link() === 'eth1')
      else await cache.newest()
      expect(link()).toBe('eth1')
      expect(cache.current().revision).toBe((await restored.get('/weft/v1/')).revision)
      expect((await changes.next()).value).toMatchObject({ reset: true, records: [] })
      await set(restored, 'lan', 'eth7', 2)
      await until(() => link() === 'eth7')
      expect(problems).toEqual(['etcd went back'])
      life.abort()
    },
  )

  it('does not open on a store that does not answer, and leaves nothing running', async () => {
    let lists = 0
    const list: Kv['list'] = async () => {
      lists++
      throw new WeftError('unavailable', { what: 'no etcd' })
    }
    const kv = { ...new ModelStore().connect(), list }
    await expect(openClusterCache(kv, new AbortController().signal)).rejects.toThrow(/no etcd/)
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(lists).toBe(1)
  })

  it('takes nothing back that changed while a list was under way, and lists again for a later wish', async () => {
    const kv = new ModelStore().connect()
    let [held, go]: [Promise<void> | undefined, () => void] = [undefined, () => {}]
    const slow: Kv = {
      ...kv,
      async list(...call) {
        const answer = await kv.list(...call)
        await held
        return answer
      },
    }
    const elsewhere = async (key: string) =>
      (
        await commitAlone(kv, {
          when: [{ key, create: 0 }],
          write: [{ put: key, value: '' }],
          read: [],
          requestId: key,
        })
      ).revision
    const life = new AbortController()
    await set(kv, 'lan', 'eth0')
    const cache = await openClusterCache(slow, life.signal)
    const told: unknown[] = []
    const telling = (async () => {
      for await (const { records } of cache.changes(life.signal))
        for (const one of records) if (one.kind === 'uplink') told.push([one.name, one.after?.value.interface])
    })()
    held = new Promise((resolve) => {
      go = resolve
    })
    const first = cache.waitFor(await elsewhere('/else/1'))
    // The first wish's list is read after 250 ms, and the second wish shares it.
    await new Promise((resolve) => setTimeout(resolve, 300))
    await set(kv, 'lan', 'eth1', 2)
    await set(kv, 'new', 'eth0')
    const second = cache.waitFor(await elsewhere('/else/2'))
    await new Promise((resolve) => setTimeout(resolve, 300))
    held = undefined
    go()
    await Promise.all([first, second])
    life.abort()
    await telling
    expect(told).toEqual([
      ['lan', 'eth1'],
      ['new', 'eth0'],
    ])
  })

  it('lists again after a compaction, unless a list has overtaken it', async () => {
    const kv = new ModelStore().connect()
    await set(kv, 'lan', 'eth0')
    const { revision } = await kv.get('/weft/v1/')
    const compactions = [revision, revision + 1]
    let [lists, watches] = [0, 0]
    const life = new AbortController()
    const compacted: Kv = {
      ...kv,
      list: (...call) => {
        lists++
        return kv.list(...call)
      },
      async *watch(...call) {
        watches++
        const compactRevision = compactions.shift()
        if (compactRevision === undefined) yield* kv.watch(...call)
        else yield { kind: 'compacted', compactRevision }
      },
    }
    await openClusterCache(compacted, life.signal)
    await until(() => watches === 3)
    expect(lists).toBe(2)
    life.abort()
  })

  it('keeps changes from the subscription on; a reader far behind is told to look at everything', async () => {
    const kv = new ModelStore().connect()
    const life = new AbortController()
    const cache = await openClusterCache(kv, life.signal)
    const changes = cache.changes(life.signal)[Symbol.asyncIterator]()
    await set(kv, 'lan', 'eth0')
    const { revision } = await cache.newest()
    expect((await changes.next()).value).toMatchObject({
      revision,
      reset: false,
      records: [{ kind: 'uplink', name: 'lan' }],
    })
    for (let gen = 2; gen < 5_050; gen++) await set(kv, 'lan', `eth${gen}`, gen)
    await cache.newest()
    expect((await changes.next()).value).toMatchObject({ reset: true, records: [] })
    expect((await changes.next()).value).toMatchObject({ reset: false })
    life.abort()
  }, 20_000)

  it('gives up waiting for a revision that does not come, at its deadline or at the caller’s', async () => {
    const life = new AbortController()
    const cache = await openClusterCache(new ModelStore().connect(), life.signal, { waitMs: 20 })
    await expect(cache.waitFor(999)).rejects.toMatchObject({ code: 'deadline' })
    await expect(cache.waitFor(999, AbortSignal.abort())).rejects.toMatchObject({ code: 'deadline' })
    life.abort()
    await expect(cache.waitFor(999)).rejects.toMatchObject({ code: 'deadline' })
  })
})
