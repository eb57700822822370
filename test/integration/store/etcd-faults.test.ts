/**
 * The defects of the etcd3 package, each by its number in FACTS 2.1, shown not to reach us: on a real etcd, through a
 * proxy that loses, cuts and refuses.
 */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { Cache, keysAsTheyAre } from '../../../controller/src/store/cache.ts'
import type { ClientOptions } from '../../../controller/src/store/client.ts'
import { commit } from '../../../controller/src/store/commit.ts'
import { campaign } from '../../../controller/src/store/election.ts'
import { type EtcdOptions, etcdKv } from '../../../controller/src/store/etcd.ts'
import type { Kv } from '../../../controller/src/store/kv.ts'
import { when } from '../../../controller/src/store/txn.ts'
import { ownRecord } from '../../conformance/kv.ts'
import { type EtcdServer, startEtcd } from '../../support/etcd.ts'
import { startTcpProxy, type TcpProxy } from '../../support/tcp-proxy.ts'

/** Pings quick enough for a test; the server is told to bear them. */
const QUICK = { timeMs: 1_000, timeoutMs: 500 }

let server: EtcdServer
let proxy: TcpProxy
/** Straight to the server, and through the proxy. */
let direct: Kv
let kv: Kv
const clients: Kv[] = []
let serial = 0
const fresh = () => `/e/${++serial}/`
const requestId = () => `req-${++serial}`

beforeAll(async () => {
  server = await startEtcd({ flags: ['--grpc-keepalive-min-time=500ms'] })
  direct = etcdKv({ endpoints: [server.endpoint] })
})
afterAll(async () => {
  direct?.close()
  for (const client of clients) client.close()
  await proxy?.stop()
  await server?.stop()
})
beforeEach(async () => {
  for (const client of clients.splice(0)) client.close()
  await proxy?.stop()
  proxy = await startTcpProxy(server.port)
  kv = through()
})

function through(client: ClientOptions = {}, etcd: Partial<EtcdOptions> = {}): Kv {
  const made = etcdKv({ endpoints: [proxy.endpoint], keepalive: QUICK, ...etcd }, client)
  clients.push(made)
  return made
}

async function put(key: string, value = 'x', by = direct): Promise<number> {
  return (await by.txn(when([], [{ put: key, value }]), { requestId: requestId() })).revision
}

/** Writes one key a revision, many in flight, and resolves with the first and the last revision. */
async function putMany(prefix: string, count: number): Promise<{ first: number; last: number }> {
  const revisions: number[] = []
  let next = 0
  const worker = async () => {
    while (next < count) revisions.push(await put(`${prefix}${String(next++).padStart(6, '0')}`, 'v'.repeat(40)))
  }
  await Promise.all(Array.from({ length: 64 }, worker))
  return { first: Math.min(...revisions), last: Math.max(...revisions) }
}

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => (signal.aborted ? resolve() : signal.addEventListener('abort', () => resolve())))
}

describe('E1 a backlog is not lost on reconnect', () => {
  const prefix = '/e1/'
  let range: { first: number; last: number }
  beforeAll(async () => {
    range = await putMany(prefix, 5_002)
  })

  it.each([400, 30_000, 250_000])('E1 cut after %i bytes of it: every event once, in order', async (bytes) => {
    let reconnects = 0
    const client = through({
      onWatchReconnect: () => {
        reconnects++
        proxy.cutAfter(Number.POSITIVE_INFINITY)
      },
    })
    proxy.cutAfter(bytes)
    const stop = new AbortController()
    const seen: number[] = []
    for await (const batch of client.watch(prefix, { fromRevision: range.first, signal: stop.signal })) {
      if (batch.kind !== 'events') continue
      for (const event of batch.events) if (event.kind === 'put') seen.push(event.entry.modRevision)
      if (batch.revision >= range.last) stop.abort()
    }
    expect(reconnects).toBeGreaterThan(0)
    expect(seen).toHaveLength(5_002)
    expect(seen).toEqual([...seen].sort((a, b) => a - b))
  })

  it('E1 a cache cut again and again while it is written to equals the store', async () => {
    const p = fresh()
    const stop = new AbortController()
    const cache = new Cache(kv, { prefix: p, reading: keysAsTheyAre, signal: stop.signal })
    let writing = true
    const cutting = (async () => {
      while (writing) {
        await wait(60)
        proxy.cut()
      }
    })()
    const { last } = await putMany(p, 1_500)
    writing = false
    await cutting
    await cache.waitFor(last, AbortSignal.timeout(10_000))
    expect([...cache.current().entries.values()]).toEqual((await direct.list(p)).entries)
    stop.abort()
    await cache.ended
  })
})

it('E2 a compaction behind the back of a cut-off cache makes it list again', async () => {
  const p = fresh()
  await put(`${p}a`)
  await put(`${p}b`)
  const stop = new AbortController()
  const cache = new Cache(kv, { prefix: p, reading: keysAsTheyAre, signal: stop.signal })
  await cache.waitFor(1, AbortSignal.timeout(5_000))
  proxy.mode('refuse')
  await direct.txn(when([], [{ delete: `${p}a` }]), { requestId: requestId() })
  await put(`${p}c`)
  const last = await put(`${p}c`, 'newest')
  await server.ctl('compact', String(last))
  proxy.mode('pass')
  await expect.poll(() => cache.current().revision, { timeout: 10_000 }).toBeGreaterThanOrEqual(last)
  expect([...cache.current().entries.keys()]).toEqual([`${p}b`, `${p}c`])
  expect(cache.counters.lists).toBe(2)
  const next = await put(`${p}d`)
  await cache.waitFor(next, AbortSignal.timeout(5_000))
  expect(cache.ageMs()).toBeLessThan(5_000)
  stop.abort()
  await cache.ended
})

describe('E3 a write is never repeated behind the caller', () => {
  it.each(['deaf', 'cut'] as const)('E3 answer lost after the commit (%s): ambiguous, applied once', async (fault) => {
    const key = `${fresh()}k`
    await kv.get(key)
    const { revision } = await direct.get(key)
    proxy.mode('deaf')
    const call = kv.txn(when([], [{ put: key, value: '1' }]), { requestId: requestId(), deadlineMs: 800 })
    const outcome = expect(call).rejects.toMatchObject({ ambiguous: true, retryable: true })
    if (fault === 'cut') {
      while ((await direct.get(key)).entry === undefined) await wait(10)
      proxy.cut()
    }
    await outcome
    const after = await direct.get(key)
    expect(after.entry?.modRevision).toBe(revision + 1)
    expect(after.revision).toBe(revision + 1)
  })

  it('E3 commit() settles it: repeats, recognises its own work, and has written once', async () => {
    const p = fresh()
    await kv.get(p)
    const { revision } = await direct.get(p)
    proxy.mode('deaf')
    const heal = setTimeout(() => {
      proxy.cut()
      proxy.mode('pass')
    }, 700)
    const outcome = await commit(
      kv,
      when(
        [{ key: `${p}ip`, create: 0 }],
        [{ put: `${p}ip`, value: JSON.stringify({ req: 'mine' }) }],
        [{ get: `${p}ip` }],
      ),
      { requestId: 'mine', recognise: (reads) => ownRecord(reads, 'mine'), deadlineMs: 5_000 },
    )
    clearTimeout(heal)
    expect(outcome).toEqual({ committed: true, revision: revision + 1, repeated: true })
    expect((await direct.get(p)).revision).toBe(revision + 1)
  })

  it('E3 a write that never left is known not to be applied', async () => {
    proxy.mode('refuse')
    const call = kv.txn(when([], [{ put: `${fresh()}k`, value: '1' }]), { requestId: requestId(), deadlineMs: 600 })
    await expect(call).rejects.toMatchObject({ code: 'unavailable', ambiguous: false })
  })
})

it('E4 every call ends by its deadline in a black hole, and when called off', async () => {
  await kv.get('/x')
  proxy.mode('hole')
  const begin = performance.now()
  const key = `${fresh()}k`
  await Promise.all([
    expect(kv.get(key, { deadlineMs: 1_000 })).rejects.toMatchObject({ retryable: true }),
    expect(kv.list(key, { deadlineMs: 1_000 })).rejects.toMatchObject({ retryable: true }),
    expect(kv.grantLease(5, { deadlineMs: 1_000 })).rejects.toMatchObject({ retryable: true }),
    expect(kv.txn(when([], [{ put: key, value: '' }]), { requestId: 'r', deadlineMs: 1_000 })).rejects.toMatchObject({
      ambiguous: true,
    }),
    expect(kv.get(key, { signal: AbortSignal.timeout(200) })).rejects.toMatchObject({ code: 'deadline' }),
  ])
  expect(performance.now() - begin).toBeLessThan(1_500)
})

describe('E5 a black-holed watch is noticed', () => {
  it.each([
    ['by HTTP/2 pings', {}, { keepalive: QUICK }],
    [
      'by its own silence',
      { watchPingMs: 300, watchSilenceMs: 1_200 },
      { keepalive: { timeMs: 3_600_000, timeoutMs: 1_000 } },
    ],
  ])('E5 %s', async (_, client, etcd) => {
    const noticed = new AbortController()
    const watcher = through({ ...client, onWatchReconnect: () => noticed.abort() }, etcd)
    const p = fresh()
    const from = await put(`${p}a`)
    const seen: string[] = []
    const stop = new AbortController()
    const reading = (async () => {
      for await (const batch of watcher.watch(p, { fromRevision: from, signal: stop.signal })) {
        if (batch.kind !== 'events') continue
        for (const event of batch.events) if (event.kind === 'put') seen.push(event.entry.key)
        if (seen.includes(`${p}b`)) stop.abort()
      }
    })()
    while (seen.length === 0) await wait(20)
    proxy.mode('hole')
    const begin = performance.now()
    await put(`${p}b`)
    await aborted(noticed.signal)
    expect(performance.now() - begin).toBeLessThan(4_000)
    proxy.cut()
    proxy.mode('pass')
    await reading
    expect(seen).toEqual([`${p}a`, `${p}b`])
  })
})

it('E6 one dropped connection costs no read', async () => {
  let done = 0
  const worker = async () => {
    for (let at = 0; at < 20; at++) {
      await kv.get('/x')
      if (++done === 100) proxy.cut()
    }
  }
  await Promise.all(Array.from({ length: 15 }, worker))
  expect(done).toBe(300)
  expect(proxy.accepted).toBeGreaterThan(1)
})

it('E7 a full etcd refuses writes with the remedy, and reads, deletes and watches go on', async () => {
  const full = await startEtcd({ flags: ['--quota-backend-bytes=2097152'] })
  const client = etcdKv({ endpoints: [full.endpoint] }, { deadlineMs: 1_000 })
  try {
    const write = (key: string) =>
      client.txn(when([], [{ put: key, value: 'x'.repeat(100_000) }]), { requestId: key, deadlineMs: 1_000 })
    const fill = async () => {
      for (let at = 0; at < 60; at++) await write(`/f/${at}`)
    }
    await expect(fill()).rejects.toMatchObject({ code: 'unavailable', ambiguous: true })
    await expect(write('/f/more')).rejects.toThrow(/disarm/)
    await expect(client.grantLease(5)).rejects.toThrow(/disarm/)
    const { entries, count, revision } = await client.list('/f/')
    expect(count).toBeGreaterThan(5)
    const stop = new AbortController()
    const watching = (async () => {
      for await (const batch of client.watch('/f/', { fromRevision: revision + 1, signal: stop.signal })) {
        if (batch.kind === 'events') return batch.events.length
      }
      return 0
    })()
    const deleted = await client.txn(when([], [{ deleteRange: '/f/' }]), { requestId: 'clean' })
    expect(deleted.succeeded).toBe(true)
    expect(await watching).toBe(entries.length)
    stop.abort()
    await full.ctl('compact', String(deleted.revision))
    await full.ctl('defrag')
    await expect(write('/f/still')).rejects.toThrow(/disarm/)
    await full.ctl('alarm', 'disarm')
    expect((await write('/f/again')).succeeded).toBe(true)
  } finally {
    client.close()
    await full.stop()
  }
})

describe('E9 a lease is given up before the server ends it', () => {
  it('E9 in a black hole: lost within the TTL, its key still there', async () => {
    const key = `${fresh()}k`
    const lease = await kv.grantLease(3)
    await kv.txn(when([], [{ put: key, value: '1', lease: lease.id }]), { requestId: requestId() })
    await wait(1_500)
    proxy.mode('hole')
    const begin = performance.now()
    await aborted(lease.lost)
    const lostMs = performance.now() - begin
    expect((await direct.get(key)).entry).toBeDefined()
    expect(lease.valid()).toBe(false)
    expect(lostMs).toBeLessThan(3_000)
    expect(lostMs).toBeGreaterThan(500)
  })

  it('E9 survives cuts shorter than the TTL', async () => {
    const lease = await kv.grantLease(3)
    for (let at = 0; at < 8; at++) {
      await wait(500)
      proxy.cut()
    }
    expect(lease.valid()).toBe(true)
    await lease.revoke()
  })

  it('E9 a lease revoked elsewhere is lost at the next renewal', async () => {
    const lease = await kv.grantLease(3)
    await server.ctl('lease', 'revoke', BigInt(lease.id).toString(16))
    await aborted(lease.lost)
    expect(lease.valid()).toBe(false)
  })
})

it('E10 a leader that was cut off knows it, and its late write is refused by its token', async () => {
  const p = fresh()
  const stop = new AbortController()
  const options = { key: `${p}leader`, ttlSeconds: 2, signal: stop.signal }
  const first = await campaign(kv, { ...options, name: 'one', requestId: requestId() })
  proxy.mode('hole')
  const second = await campaign(direct, { ...options, name: 'two', requestId: requestId() })
  expect(first.valid()).toBe(false)
  expect(first.lost.aborted).toBe(true)
  expect(second.token).toBeGreaterThan(first.token)
  proxy.cut()
  proxy.mode('pass')
  const late = await kv.txn(when([first.guard()], [{ put: `${p}work`, value: 'stale' }]), { requestId: requestId() })
  expect(late.succeeded).toBe(false)
  await second.resign()
  stop.abort()
})

it('E11 connections do not pile up over reconnects, and all go with the store', async () => {
  const stop = new AbortController()
  const watching = (async () => {
    for await (const _ of kv.watch('/none/', { fromRevision: 1_000_000_000, signal: stop.signal }));
  })()
  const lease = await kv.grantLease(10)
  for (let at = 0; at < 20; at++) {
    await kv.get('/x')
    proxy.cut()
    await wait(40)
  }
  await kv.get('/x')
  await wait(500)
  expect(proxy.open).toBeLessThanOrEqual(3)
  await lease.revoke()
  stop.abort()
  await watching
  kv.close()
  for (let tries = 0; tries < 60 && proxy.open > 0; tries++) await wait(50)
  expect(proxy.open).toBe(0)
})

it('E8 E10 E12 the package is imported in four files, for its raw calls alone', async () => {
  const folder = join(import.meta.dirname, '../../../controller/src')
  const files = (await readdir(folder, { recursive: true })).filter((file) => file.endsWith('.ts'))
  const users = []
  for (const file of files) {
    const text = await readFile(join(folder, file), 'utf8')
    if (!/from 'etcd3'|import\('etcd3'\)/.test(text)) continue
    users.push(file)
    expect(text).not.toMatch(
      /\.(lease|election|lock|stm|put|getAll|delete|if|namespace)\(\s*['"`]|(?<!watchClient)\.watch\(\)|\bauth\s*:/,
    )
  }
  expect(users.sort()).toEqual(['store/etcd-codec.ts', 'store/etcd-errors.ts', 'store/etcd-status.ts', 'store/etcd.ts'])
})
