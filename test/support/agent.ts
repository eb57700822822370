/** A small agent for tests: speaks the protocol over NATS, applies nothing, remembers everything. */
import {
  AGENT_VERBS,
  type AgentReply,
  type AgentRequest,
  type AgentVerb,
  agentSubject,
  applyChange,
  digestOfMap,
  EMPTY_DIGEST,
  type EntryMap,
  type HostFacts,
  IntentDelta,
  intentSubject,
  Position,
  parseJsonWith,
  pokeSubject,
  toEntryMap,
  WeftError,
} from '@weft/shared'
import type { Bus } from '../../controller/src/bus/bus.ts'

export const factsOf = (id: string, address: string): HostFacts => ({
  hostname: id,
  kernel: '6.18.0',
  agentVersion: '0.1.0',
  interfaces: [
    { name: 'eth0', mtu: 1500, mac: '02:00:00:00:00:01', up: true, kind: 'device', addresses: [`${address}/24`] },
  ],
  routes: ['10.250.0.0/24'],
  underlay: { interface: 'eth0', address, mtu: 1500 },
})

export class TestAgent {
  readonly #bus: Bus
  readonly id: string
  readonly address: string
  readonly instance: string
  readonly deltas: IntentDelta[] = []
  readonly pokes: Position[] = []
  epoch = 0
  position: Position = { incarnation: 0, revision: 0, digest: EMPTY_DIGEST }
  entries: EntryMap = new Map()
  /** Deltas that did not follow on what the agent had. */
  gaps = 0
  /** Pages of resyncs so far. */
  pages = 0

  constructor(bus: Bus, id: string, address: string, instance = `instance-${id}`) {
    this.#bus = bus
    this.id = id
    this.address = address
    this.instance = instance
    bus.serve(intentSubject(id), ({ text }) => {
      this.#take(parseJsonWith(IntentDelta, text, 'delta'))
      return undefined
    })
    bus.serve(pokeSubject(id), ({ text }) => {
      this.pokes.push(parseJsonWith(Position, text, 'poke'))
      return undefined
    })
  }

  #take(delta: IntentDelta): void {
    this.deltas.push(delta)
    if (delta.incarnation !== this.position.incarnation || delta.previous !== this.position.revision) {
      this.gaps++
      return
    }
    const entries = applyChange(this.entries, delta)
    if (digestOfMap(entries) !== delta.digest) throw new Error(`digest of ${this.id} at ${delta.revision}`)
    this.entries = entries
    this.position = { incarnation: delta.incarnation, revision: delta.revision, digest: delta.digest }
  }

  /** Asks a verb; throws the error that is answered. */
  async ask<V extends AgentVerb>(verb: V, request: AgentRequest<V>): Promise<AgentReply<V>> {
    const text = await this.#bus.request(agentSubject(this.id, verb), JSON.stringify(request), 10_000)
    const reply = JSON.parse(text) as { ok?: unknown; error?: Parameters<typeof WeftError.fromBody>[0] }
    if (reply.error !== undefined) throw WeftError.fromBody(reply.error)
    return AGENT_VERBS[verb].reply.parse(reply.ok) as AgentReply<V>
  }

  get fence(): { epoch: number; instance: string } {
    return { epoch: this.epoch, instance: this.instance }
  }

  async join(): Promise<void> {
    const { epoch } = await this.ask('join', { instance: this.instance, facts: factsOf(this.id, this.address) })
    this.epoch = epoch
  }

  async resync(): Promise<void> {
    const entries = []
    let offset: number | null = 0
    let revision: number | undefined
    while (offset !== null) {
      const page: AgentReply<'resync'> = await this.ask('resync', {
        ...this.fence,
        offset,
        ...(revision === undefined ? {} : { revision }),
      })
      this.pages++
      entries.push(...page.entries)
      offset = page.nextOffset
      revision = page.position.revision
      this.position = page.position
    }
    this.entries = toEntryMap(entries)
    if (digestOfMap(this.entries) !== this.position.digest) throw new Error(`digest of the snapshot of ${this.id}`)
  }

  /** Says that everything accepted is applied; pulls when the answer is another position, and then says so. */
  async report(more: Partial<AgentRequest<'status'>> = {}): Promise<void> {
    const status = { ...this.fence, accepted: this.position, applied: this.position.revision, problems: [], ...more }
    const { target } = await this.ask('status', status)
    if (target.digest === this.position.digest && target.incarnation === this.position.incarnation) return
    await this.resync()
    await this.report(more)
  }
}
