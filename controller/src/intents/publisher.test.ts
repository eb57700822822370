import { applyChange, digestOfMap, type Entry, type EntryMap, IntentDelta, Position, toEntryMap } from '@weft/shared'
import { describe, expect, it } from 'vitest'
import { openLog } from '../log.ts'
import { Board } from './board.ts'
import { type IntentSource, Publisher } from './publisher.ts'
import { Targets } from './targets.ts'

interface Change {
  readonly revision: number
  readonly hosts: readonly string[]
}

/** A cluster of peers in memory: each host's intent is what `set` gave it last. */
class Cluster implements IntentSource<Change> {
  readonly intents = new Map<string, EntryMap>()
  #revision = 1
  #queue: Change[] = []
  #wake = () => {}
  readonly revision = () => this.#revision
  readonly cluster = () => 'cluster-1'
  readonly incarnation = () => 1
  readonly hosts = () => [...this.intents.keys()].map((id) => ({ id, epoch: 4 }))
  held: readonly string[] = []
  readonly onHold = () => new Set(this.held)
  readonly compile = (host: string) => this.intents.get(host) ?? new Map()
  readonly affected = (change: Change) => change.hosts
  readonly waitFor = async () => {}

  set(host: string, ...entries: Entry[]): void {
    this.intents.set(host, toEntryMap(entries))
    this.tell(host)
  }

  tell(...hosts: string[]): void {
    this.#queue.push({ revision: ++this.#revision, hosts })
    this.#wake()
  }

  async *changes(signal: AbortSignal) {
    this.#queue = []
    signal.addEventListener('abort', () => this.#wake())
    while (!signal.aborted) {
      const change = this.#queue.shift()
      if (change !== undefined) yield change
      else await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }
}

const peer = (host: string, vtep = '10.0.0.1'): Entry => ({ kind: 'peer', host, vtep })
const turn = () => new Promise((resolve) => setImmediate(resolve))

function setUp(more: { leader?: boolean } = {}) {
  const cluster = new Cluster()
  const sent: { subject: string; text: string }[] = []
  const timers: (() => void)[] = []
  const targets = new Targets()
  const board = new Board({ monotonicMs: () => 0 })
  const state = { leader: more.leader ?? true }
  const publisher = new Publisher<Change>({
    source: cluster,
    targets,
    board,
    bus: { publish: (subject, text) => void sent.push({ subject, text }) },
    isLeader: () => state.leader,
    log: openLog('silent'),
    coalesceMs: 3,
    after: (_, run) => void timers.push(run),
  })
  const stop = new AbortController()
  return { cluster, sent, timers, targets, publisher, state, stop }
}

describe('the publisher', () => {
  it('compiles everyone at its start and pushes nothing', async () => {
    const { cluster, sent, targets, publisher, stop } = setUp()
    cluster.set('docker1', peer('a'))
    const running = publisher.run(stop.signal, () => {})
    expect(targets.position('docker1').digest).toBe(digestOfMap(cluster.compile('docker1')))
    expect(sent).toEqual([])
    stop.abort()
    await running
  })

  it('makes one delta a host of what changes within the time, against what it had', async () => {
    const { cluster, sent, timers, targets, publisher, stop } = setUp()
    cluster.set('docker1', peer('a'))
    cluster.set('docker2')
    const before = cluster.compile('docker1')
    const running = publisher.run(stop.signal, () => {})
    const previous = targets.position('docker1').revision
    cluster.set('docker1', peer('b'))
    await turn()
    cluster.set('docker1', peer('b'), peer('c'))
    await turn()
    expect(sent).toEqual([])
    expect(timers).toHaveLength(1)
    timers[0]?.()
    expect(sent.map(({ subject }) => subject)).toEqual(['weft.v1.host.docker1.intent'])
    const delta = IntentDelta.parse(JSON.parse(sent[0]?.text ?? ''))
    expect(delta).toMatchObject({ cluster: 'cluster-1', host: 'docker1', epoch: 4, incarnation: 1, previous })
    expect(delta.revision).toBe(cluster.revision())
    const after = applyChange(before, delta)
    expect(digestOfMap(after)).toBe(delta.digest)
    expect(after).toEqual(cluster.compile('docker1'))
    stop.abort()
    await running
  })

  it('says nothing when a change leaves the entries as they were', async () => {
    const { cluster, sent, timers, publisher, stop } = setUp()
    cluster.set('docker1', peer('a'))
    const running = publisher.run(stop.signal, () => {})
    cluster.set('docker1', peer('a'))
    await turn()
    timers[0]?.()
    expect(sent).toEqual([])
    stop.abort()
    await running
  })

  it('keeps the targets but is silent while another leads', async () => {
    const { cluster, sent, timers, targets, publisher, state, stop } = setUp({ leader: false })
    cluster.set('docker1')
    const running = publisher.run(stop.signal, () => {})
    cluster.set('docker1', peer('a'))
    await turn()
    timers[0]?.()
    publisher.pokeAll()
    expect(sent).toEqual([])
    state.leader = true
    publisher.pokeAll()
    expect(sent.map(({ subject }) => subject)).toEqual(['weft.v1.host.docker1.poke'])
    expect(Position.parse(JSON.parse(sent[0]?.text ?? ''))).toEqual(targets.position('docker1'))
    stop.abort()
    await running
  })

  it('pokes instead of pushing what would be too long for the bus', async () => {
    const { cluster, sent, timers, publisher, stop } = setUp()
    cluster.set('docker1')
    const running = publisher.run(stop.signal, () => {})
    cluster.set('docker1', ...Array.from({ length: 12_000 }, (_, index) => peer(`host-${index}`)))
    await turn()
    timers[0]?.()
    expect(sent.map(({ subject }) => subject)).toEqual(['weft.v1.host.docker1.poke'])
    stop.abort()
    await running
  })

  it('neither compiles for a host on hold nor tells it anything, and tells it where to stand after it', async () => {
    const { cluster, sent, timers, targets, publisher, stop } = setUp()
    cluster.set('docker1', peer('a'))
    cluster.set('docker2', peer('a'))
    cluster.held = ['docker1']
    const running = publisher.run(stop.signal, () => {})
    publisher.ensure('docker1')
    publisher.pokeAll()
    expect(targets.hosts()).toEqual(['docker2'])
    expect(sent.map(({ subject }) => subject)).toEqual(['weft.v1.host.docker2.poke'])
    cluster.held = []
    cluster.tell()
    await turn()
    timers[0]?.()
    expect(targets.position('docker1').digest).toBe(digestOfMap(cluster.compile('docker1')))
    expect(sent.slice(1).map(({ subject }) => subject)).toEqual(['weft.v1.host.docker1.poke'])
    stop.abort()
    await running
  })

  it('forgets a host that is gone', async () => {
    const { cluster, timers, targets, publisher, stop } = setUp()
    cluster.set('docker1')
    const running = publisher.run(stop.signal, () => {})
    cluster.intents.delete('docker1')
    cluster.tell('docker1')
    await turn()
    timers[0]?.()
    expect(targets.hosts()).toEqual([])
    stop.abort()
    await running
  })
})
