import { WeftError } from '@weft/shared'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { etcdWire } from '../../../controller/src/store/etcd.ts'
import type { Compare, KvOp, KvRead, Relation, TxnAnswer, WatchEvent } from '../../../controller/src/store/kv.ts'
import { Mvcc } from '../../../controller/src/store/model-mvcc.ts'
import { below, oneKey } from '../../../controller/src/store/range.ts'
import { when } from '../../../controller/src/store/txn.ts'
import { revisionOf } from '../../../controller/src/store/watch.ts'
import type { Wire } from '../../../controller/src/store/wire.ts'
import { type EtcdServer, startEtcd } from '../../support/etcd.ts'

/**
 * The model against etcd: the same random commands, the same answers. It goes below the client, so that what is refused
 * is refused by etcd itself. Revisions are compared relative to where each run began.
 */
let server: EtcdServer
let wire: Wire
beforeAll(async () => {
  server = await startEtcd()
  wire = etcdWire({ endpoints: [server.endpoint] })
})
afterAll(async () => {
  wire?.close()
  await server?.stop()
})

const NAMES = ['a', 'a/1', 'a/2', 'b'] as const
const name = fc.constantFrom(...NAMES)
/** Revisions as steps back from the newest, or 0 for "absent". */
const revision = fc.oneof(fc.constant('absent' as const), fc.nat(6))
const relation = fc.constantFrom<Relation>('=', '!=', '<', '>')
const compare = fc.oneof(
  fc.record({ kind: fc.constant('create' as const), name, revision, op: relation }),
  fc.record({ kind: fc.constant('mod' as const), name, revision, op: relation }),
  fc.record({ kind: fc.constant('empty' as const), name }),
)
const write = fc.oneof(
  fc.record({
    kind: fc.constant('put' as const),
    name,
    value: fc.string({ maxLength: 4 }),
    lease: fc.constantFrom(0, 0, 1, 1, 2, 9),
  }),
  fc.record({ kind: fc.constant('delete' as const), name }),
  fc.record({ kind: fc.constant('deleteRange' as const), name }),
)
const read = fc.record({ kind: fc.constantFrom('get', 'list', 'count'), name, limit: fc.nat(3) })
const command = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('txn' as const),
      if: fc.array(compare, { maxLength: 1 }),
      ops: fc.array(write, { maxLength: 3 }),
      reads: fc.array(read, { maxLength: 3 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('range' as const),
      name,
      prefix: fc.boolean(),
      back: fc.option(fc.integer({ min: -1, max: 8 })),
      limit: fc.nat(3),
      countOnly: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('grant' as const), lease: fc.constantFrom(1, 2) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('revoke' as const), lease: fc.constantFrom(1, 2) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('compact' as const), back: fc.integer({ min: -1, max: 6 }) }) },
)
type Command = typeof command extends fc.Arbitrary<infer T> ? T : never
type Of<K extends Command['kind']> = Extract<Command, { kind: K }>

let runs = 0

it('random commands have the same answers on the model and on etcd', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(command, { minLength: 1, maxLength: 40, size: 'max' }), async (commands) => {
      const prefix = `/p/${++runs}/`
      const etcd = await sideOfEtcd(prefix)
      const model = sideOfModel(prefix)
      for (const one of commands) expect(await model.run(one), JSON.stringify(one)).toEqual(await etcd.run(one))
      expect(await model.history()).toEqual(await etcd.history())
    }),
    { numRuns: 150, endOnFailure: false },
  )
}, 60_000)

interface Side {
  run(command: Command): Promise<unknown>
  history(): Promise<unknown>
}

/** What both sides share: commands to calls, answers to what is comparable. */
function side(
  prefix: string,
  base: number,
  calls: {
    txn(txn: ReturnType<typeof when>): Promise<TxnAnswer>
    range: Wire['range']
    grant(): Promise<string>
    revoke(id: string): Promise<void>
    compact(revision: number): Promise<void>
    history(from: number): Promise<readonly WatchEvent[] | number>
  },
): Side {
  let newest = base
  let compacted = 0
  const leases = new Map<number, string>()
  const key = (short: string) => prefix + short
  const at = (back: number | 'absent') => (back === 'absent' ? 0 : Math.max(1, newest - back))
  const comparable = (value: unknown): unknown =>
    JSON.parse(
      JSON.stringify(value ?? null, (field, inner) => {
        if (/revision$/i.test(field)) return inner - base
        if (field === 'lease') return [...leases].find(([, id]) => id === inner)?.[0] ?? 'unknown'
        return inner
      }),
    )
  const run: { [K in Command['kind']]: (command: Of<K>) => Promise<unknown> } = {
    async txn(command) {
      const compares = command.if.map((term): Compare => {
        if (term.kind === 'empty') return { range: key(term.name), empty: true }
        return term.kind === 'create'
          ? { key: key(term.name), create: at(term.revision), op: term.op }
          : { key: key(term.name), mod: at(term.revision), op: term.op }
      })
      const ops = command.ops.map((op): KvOp => {
        if (op.kind === 'delete') return { delete: key(op.name) }
        if (op.kind === 'deleteRange') return { deleteRange: key(op.name) }
        const plain = { put: key(op.name), value: op.value }
        return op.lease === 0 ? plain : { ...plain, lease: leases.get(op.lease) ?? '424242' }
      })
      const reads = command.reads.map((one): KvRead => {
        if (one.kind === 'get') return { get: key(one.name) }
        return { list: key(one.name), limit: one.limit, countOnly: one.kind === 'count' }
      })
      const answer = await calls.txn(when(compares, ops, reads))
      newest = answer.revision
      return answer
    },
    range: ({ name: short, prefix: wide, back, limit, countOnly }) => {
      const range = wide ? below(key(short)) : oneKey(key(short))
      const revisionWanted = back === null ? {} : { revision: Math.max(base, newest - back) }
      return calls.range({ range, limit, countOnly, ...revisionWanted }, 3_000)
    },
    async grant({ lease }) {
      if (!leases.has(lease)) leases.set(lease, await calls.grant())
    },
    async revoke({ lease }) {
      const id = leases.get(lease)
      if (id === undefined) return
      await calls.revoke(id)
      newest = (await calls.range({ range: oneKey(prefix) }, 3_000)).revision
      leases.delete(lease)
    },
    async compact({ back }) {
      const revisionWanted = Math.max(base, newest - back)
      await calls.compact(revisionWanted)
      compacted = revisionWanted
    },
  }
  return {
    async run(one) {
      try {
        return comparable(await (run[one.kind] as (command: Command) => Promise<unknown>)(one))
      } catch (thrown) {
        if (!(thrown instanceof WeftError)) throw thrown
        return { refused: thrown.code, ambiguous: thrown.ambiguous }
      }
    },
    async history() {
      return comparable(await calls.history(Math.max(compacted, base) + 1))
    },
  }
}

async function sideOfEtcd(prefix: string): Promise<Side> {
  const { revision: base } = await wire.range({ range: oneKey(prefix) }, 3_000)
  return side(prefix, base, {
    txn: (txn) => wire.txn(txn, 3_000),
    range: wire.range,
    grant: async () => (await wire.leaseGrant(60, 3_000)).id,
    revoke: (id) => wire.leaseRevoke(id, 3_000),
    async compact(wanted) {
      try {
        await server.ctl('compact', String(wanted))
      } catch (error) {
        throw new WeftError('not_found', { what: 'compact', cause: error })
      }
    },
    async history(from) {
      const { revision: newest } = await wire.range({ range: oneKey(prefix) }, 3_000)
      const last = await wire.txn(when([], [{ put: `${prefix}zz`, value: 'end' }]), 3_000)
      const events: WatchEvent[] = []
      await new Promise<void>((resolve, reject) => {
        const stream = wire.watch(below(prefix), from, {
          answer(answer) {
            if (answer.kind === 'compacted') reject(new Error('compacted'))
            if (answer.kind !== 'events') return
            events.push(...answer.events)
            if (events.some((event) => revisionOf(event) === last.revision)) {
              stream.close()
              resolve()
            }
          },
          failed: reject,
        })
      })
      return events.filter((event) => revisionOf(event) <= newest)
    },
  })
}

function sideOfModel(prefix: string): Side {
  const mvcc = new Mvcc()
  let lastLease = 0
  return side(prefix, mvcc.revision, {
    txn: async (txn) => mvcc.txn(txn).answer,
    range: async (request) => mvcc.range(request),
    async grant() {
      const id = String(++lastLease)
      mvcc.addLease(id)
      return id
    },
    async revoke(id) {
      mvcc.dropLease(id)
    },
    compact: async (wanted) => mvcc.compact(wanted),
    history: async (from) => mvcc.eventsFrom(below(prefix), from),
  })
}
