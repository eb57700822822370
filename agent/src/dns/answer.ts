/** From the bytes of a question to what is done about it. Pure but for the turn that several addresses take. */
import { type Answer, CLASS_IN, formatAnswer, formatRefusal, parseQuery, type Query, RCODE, TYPE } from './message.ts'
import { findAddresses, findPointer, pointedAt, type Zone } from './zone.ts'

export interface Asker {
  /** Of the sandbox's networks, by name. */
  readonly zones: readonly Zone[]
  /** The next turn of a name: 0, 1, 2, … */
  readonly turn: (name: string) => number
}

/** `forward`: Docker's resolver may know; `refusal` is what to answer where nobody may be asked. */
export type Verdict =
  | { readonly kind: 'answer'; readonly bytes: Buffer }
  | { readonly kind: 'forward'; readonly refusal: Buffer }
  | { readonly kind: 'drop' }

/** Seconds. What a resolver in the container keeps is gone a second after the container (TRUTH I26). */
const TTL_SECONDS = 1
const TCP_BYTES = 65_535
/** A name that we could have: all others are for Docker's resolver to judge. */
const OUR_LABEL = /^[A-Za-z0-9_-]+$/

export function judge(bytes: Buffer, overTcp: boolean, asker: Asker): Verdict {
  const query = parseQuery(bytes)
  if (query.kind === 'dropped') return { kind: 'drop' }
  if (query.kind === 'refused') return { kind: 'answer', bytes: formatRefusal(query.id, query.rcode) }
  const mostBytes = overTcp ? TCP_BYTES : query.udpBytes
  const format = (answer: Omit<Answer, 'ttlSeconds'>) =>
    formatAnswer(query, { ...answer, ttlSeconds: TTL_SECONDS }, mostBytes)
  if (query.edns !== undefined && query.edns.version !== 0)
    return { kind: 'answer', bytes: format({ rcode: RCODE.badVersion, records: [] }) }
  const answer = answerOf(query, asker)
  if (answer === undefined) return { kind: 'forward', refusal: format({ rcode: RCODE.refused, records: [] }) }
  return { kind: 'answer', bytes: format(answer) }
}

/** Undefined for what is not ours. */
function answerOf({ question }: Query, { zones, turn }: Asker): Omit<Answer, 'ttlSeconds'> | undefined {
  const { labels, type } = question
  if (question.class !== CLASS_IN || labels.length === 0 || !labels.every((label) => OUR_LABEL.test(label)))
    return undefined
  const name = labels.join('.').toLowerCase()
  const address = pointedAt(name)
  if (address !== undefined) {
    const pointer = type === TYPE.PTR ? findPointer(zones, address) : undefined
    if (pointer === undefined) return undefined
    return { rcode: RCODE.ok, records: [{ kind: 'name', labels: pointer.split('.') }] }
  }
  const family = type === TYPE.A ? 4 : type === TYPE.AAAA ? 6 : undefined
  const found = findAddresses(zones, name, family)
  if (found.kind === 'other') return undefined
  if (found.kind === 'none') return { rcode: RCODE.noName, records: [] }
  const records = found.found.map((each) => ({ kind: 'address', address: each }) as const)
  if (records.length < 2) return { rcode: RCODE.ok, records }
  const first = turn(`${name}/${type}`) % records.length
  return { rcode: RCODE.ok, records: [...records.slice(first), ...records.slice(0, first)] }
}
