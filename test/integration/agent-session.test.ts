/** The agent's standing with a controller: joining, pulling, pushes in and out of order, garbage, other clusters. */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import {
  type AgentReply,
  type AgentRequest,
  type AgentVerb,
  digestOfMap,
  type EntryMap,
  entryChange,
  type IntentDelta,
  WeftError,
} from '@weft/shared'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Controller } from '../../agent/src/bus/controller.ts'
import { Session } from '../../agent/src/bus/session.ts'
import { StateStore } from '../../agent/src/state/store.ts'
import { endpointEntry, entriesOf, networkEntry, record, uidOf } from '../support/builders.ts'
import { eventually } from '../support/lab.ts'
import { QUIET } from '../support/plugin.ts'

/** One host's controller: an intent that the test sets, served in pages of one entry. */
class OneHost implements Controller {
  entries: EntryMap = new Map()
  revision = 1
  epoch = 1
  cluster = 'cluster-a'
  refuse: WeftError | undefined
  readonly asked: AgentVerb[] = []
  readonly statuses: AgentRequest<'status'>[] = []

  get position() {
    return { incarnation: 1, revision: this.revision, digest: digestOfMap(this.entries) }
  }

  async ask<V extends AgentVerb>(verb: V, request: AgentRequest<V>): Promise<AgentReply<V>> {
    this.asked.push(verb)
    if (this.refuse !== undefined) throw this.refuse
    return this.#answer(verb, request) as AgentReply<V>
  }

  #answer(verb: AgentVerb, request: unknown): unknown {
    if (verb === 'join') return { cluster: this.cluster, incarnation: 1, epoch: this.epoch }
    if (verb === 'status') {
      this.statuses.push(request as AgentRequest<'status'>)
      return { target: this.position }
    }
    const { offset } = request as AgentRequest<'resync'>
    const all = [...this.entries.values()]
    const nextOffset = offset + 1 < all.length ? offset + 1 : null
    const about = { cluster: this.cluster, host: 'docker1', epoch: this.epoch, massDelete: false }
    return { ...about, position: this.position, entries: all.slice(offset, offset + 1), nextOffset }
  }

  /** Changes the intent and gives back the push. */
  become(entries: EntryMap): string {
    const change = entryChange(this.entries, entries)
    const previous = this.revision
    this.entries = entries
    this.revision += 5
    const about = { cluster: this.cluster, host: 'docker1', epoch: this.epoch, previous }
    return JSON.stringify({ ...about, ...this.position, ...change } satisfies IntentDelta)
  }
}

const ONE = entriesOf(networkEntry())
const TWO = entriesOf(networkEntry(), endpointEntry())
const THREE = entriesOf(networkEntry(), endpointEntry(), endpointEntry({ uid: uidOf('f') }))

describe('session', () => {
  let folder = ''
  let store: StateStore
  let controller: OneHost
  let session: Session
  let stop: AbortController
  let running: Promise<void>

  function start(): void {
    stop = new AbortController()
    store = StateStore.open({ file: path.join(folder, 'state'), log: QUIET, newInstance: () => 'instance1' })
    session = new Session({
      host: 'docker1',
      controller,
      store,
      log: QUIET,
      facts: () => ({
        hostname: 'docker1',
        kernel: '6',
        agentVersion: '0',
        interfaces: [],
        routes: [],
        underlay: { interface: 'eth0', address: '10.0.0.1', mtu: 1500 },
      }),
      onConfirmed: () => undefined,
      progress: () => ({ applied: store.current.position?.revision ?? 0, problems: session.problems }),
      onIntent: () => session.changed(),
      onJoined: () => undefined,
      heartbeatMs: 50,
    })
    running = session.run(stop.signal)
  }

  const holds = (entries: EntryMap) =>
    eventually('the intent is held', 3_000, async () =>
      store.current.position !== null && digestOfMap(store.current.entries) === digestOfMap(entries) ? true : undefined,
    )

  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'weft-session-'))
    controller = new OneHost()
    controller.entries = TWO
    start()
  })
  afterEach(async () => {
    stop.abort()
    await running
    fs.rmSync(folder, { recursive: true, force: true })
  })

  it('joins, pulls all pages and reports what it holds', async () => {
    await holds(TWO)
    const report = await eventually('a status', 2_000, async () => controller.statuses.at(-1))
    expect(report).toMatchObject({ epoch: 1, instance: 'instance1', accepted: controller.position })
  })

  it('takes a push, and pulls when one was lost', async () => {
    await holds(TWO)
    const { resyncs } = session.counts
    session.takeIntent(controller.become(ONE))
    expect(digestOfMap(store.current.entries)).toBe(digestOfMap(ONE))
    expect(session.counts.resyncs).toBe(resyncs)
    controller.become(TWO)
    session.takeIntent(controller.become(THREE))
    await holds(THREE)
  })

  it('a push that never came is made up for by the heartbeat', async () => {
    await holds(TWO)
    controller.become(ONE)
    await holds(ONE)
  })

  it('refuses what is older and counts garbage', async () => {
    await holds(TWO)
    const old = controller.become(ONE)
    session.takeIntent(old)
    session.takeIntent(controller.become(THREE))
    session.takeIntent(old)
    expect(digestOfMap(store.current.entries)).toBe(digestOfMap(THREE))
    expect(session.counts.refused).toBe(1)
    for (const text of ['', '{', 'null', '[]', '{"__proto__":1}', '\u0000', old.replace('"epoch":1', '"epoch":"1"')])
      session.takeIntent(text)
    session.takePoke('{"revision":-1}')
    expect(session.counts.garbage).toBe(8)
    expect(digestOfMap(store.current.entries)).toBe(digestOfMap(THREE))
  })

  it('joins again when another instance took its place, and speaks under the new epoch', async () => {
    await holds(TWO)
    controller.refuse = new WeftError('denied', { what: 'not the agent of this host any more' })
    await eventually('it is refused', 2_000, async () => session.problems[0])
    controller.refuse = undefined
    controller.epoch = 2
    await eventually('epoch 2', 4_000, async () => (controller.statuses.at(-1)?.epoch === 2 ? true : undefined))
  })

  it('never obeys another cluster', async () => {
    await holds(TWO)
    stop.abort()
    await running
    await store.durable()
    controller.cluster = 'cluster-b'
    controller.become(ONE)
    start()
    await eventually('a problem', 2_000, async () => session.problems[0])
    expect(session.problems[0]?.message).toContain('cluster-b')
    expect(digestOfMap(store.current.entries)).toBe(digestOfMap(TWO))
  })

  it('keeps the last good intent when a snapshot would take most of its endpoints', async () => {
    const letters = [...'0123456789abcdefghjk']
    const many = entriesOf(networkEntry(), ...letters.map((letter) => endpointEntry({ uid: uidOf(letter) })))
    controller.become(many)
    await holds(many)
    store.change((state) => ({
      ...state,
      endpoints: new Map(letters.map((letter) => [uidOf(letter), record({ uid: uidOf(letter) })])),
    }))
    controller.become(ONE)
    await eventually('it is refused', 3_000, async () => session.problems.find(({ code }) => code === 'mass_delete'))
    expect(digestOfMap(store.current.entries)).toBe(digestOfMap(many))
    controller.become(many)
    await eventually('it is over', 3_000, async () => (session.problems.length === 0 ? true : undefined))
  })
})
