/**
 * Group commit: what arrives while transactions are under way becomes one transaction when the next one may start.
 * No timer: a lone request goes out at once, and the busier it gets the larger the groups.
 *
 * Invariants
 * - A draft is exact: it compares everything it rests on, and its else branch lets its own earlier success be recognised.
 * - No key is written twice in a group; a draft that would do so waits for the next one.
 * - A group that fails, or whose answer was lost, changed nothing that its drafts would not recognise: each goes alone.
 */
import { WeftError } from '@weft/shared'
import { commit } from '../store/commit.ts'
import type { Compare, Kv, KvOp, KvRead, Txn, TxnAnswer } from '../store/kv.ts'

/** A transaction to be: `write` when all of `when` holds, else `read` what stood in the way. */
export interface Draft {
  readonly when: readonly Compare[]
  readonly write: readonly KvOp[]
  readonly read: readonly KvRead[]
  readonly requestId: string
}

interface Waiting {
  readonly draft: Draft
  readonly resolve: (answer: TxnAnswer) => void
  readonly reject: (error: WeftError) => void
}

/** etcd takes 128 operations a branch. */
const MOST_OPERATIONS = 120
const MOST_IN_FLIGHT = 4

export class GroupCommit {
  readonly #kv: Kv
  #waiting: Waiting[] = []
  #inFlight = 0
  #scheduled = false

  constructor(kv: Kv) {
    this.#kv = kv
  }

  /** Commits the draft with others or alone; a failed compare is an answer with the draft's own reads, not an error. */
  submit(draft: Draft): Promise<TxnAnswer> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ draft, resolve, reject })
      this.#schedule()
    })
  }

  /** Starts after the current turn of promises, so that what arrived together goes together. */
  #schedule(): void {
    if (this.#scheduled || this.#inFlight >= MOST_IN_FLIGHT) return
    this.#scheduled = true
    queueMicrotask(() => {
      this.#scheduled = false
      this.#start()
    })
  }

  #start(): void {
    while (this.#inFlight < MOST_IN_FLIGHT && this.#waiting.length > 0) {
      // What waits is spread over the transactions that may start, rather than packed into the first.
      const fair = Math.ceil(this.#waiting.length / (MOST_IN_FLIGHT - this.#inFlight))
      const { group, rest } = takeGroup(this.#waiting, Math.max(fair, 8))
      this.#waiting = rest
      this.#inFlight++
      void this.#run(group).finally(() => {
        this.#inFlight--
        this.#schedule()
      })
    }
  }

  /** Settles every member; never rejects. */
  async #run(group: readonly Waiting[]): Promise<void> {
    const [first] = group
    if (first === undefined) return
    if (group.length > 1) {
      const together = await this.#together(group)
      if (together !== 'apart') return
    }
    await Promise.all(group.map((member) => this.#alone(member)))
  }

  async #together(group: readonly Waiting[]): Promise<'settled' | 'apart'> {
    const requestId = group[0]?.draft.requestId ?? ''
    try {
      const answer = await this.#kv.txn(merge(group), { requestId })
      if (!answer.succeeded) return 'apart'
      for (const member of group) member.resolve(answer)
      return 'settled'
    } catch (thrown) {
      const error = WeftError.from(thrown, 'group of transactions failed')
      if (error.ambiguous) return 'apart'
      for (const member of group) member.reject(error)
      return 'settled'
    }
  }

  async #alone({ draft, resolve, reject }: Waiting): Promise<void> {
    try {
      resolve(await commitAlone(this.#kv, draft))
    } catch (thrown) {
      reject(WeftError.from(thrown, 'transaction failed'))
    }
  }
}

/** Commits one draft; repeats it when its answer was lost. The caller finds its own earlier success in what it reads. */
export async function commitAlone(kv: Kv, draft: Draft): Promise<TxnAnswer> {
  const { requestId } = draft
  const answer = await commit(kv, toTxn(draft.when, draft.write, draft.read), { requestId, recognise: () => undefined })
  const { revision } = answer
  return answer.committed ? { succeeded: true, revision } : { succeeded: false, revision, reads: answer.reads }
}

/** As many waiting drafts, in order, as fit one transaction without writing a key twice. */
function takeGroup(waiting: readonly Waiting[], most: number): { group: Waiting[]; rest: Waiting[] } {
  const group: Waiting[] = []
  const rest: Waiting[] = []
  const compares = new Set<string>()
  const written = new Set<string>()
  let operations = 0
  for (const member of waiting) {
    const news = member.draft.when.map(compareText).filter((text) => !compares.has(text))
    const targets = member.draft.write.map(targetOf)
    const fits =
      group.length < most &&
      compares.size + news.length <= MOST_OPERATIONS &&
      operations + targets.length <= MOST_OPERATIONS &&
      !targets.some((target) => written.has(target))
    if (group.length > 0 && !fits) {
      rest.push(member)
      continue
    }
    group.push(member)
    for (const text of news) compares.add(text)
    for (const target of targets) written.add(target)
    operations += targets.length
  }
  return { group, rest }
}

function merge(group: readonly Waiting[]): Txn {
  const compares = new Map<string, Compare>()
  for (const { draft } of group) for (const compare of draft.when) compares.set(compareText(compare), compare)
  return toTxn(
    [...compares.values()],
    group.flatMap(({ draft }) => draft.write),
    [],
  )
}

function toTxn(when: readonly Compare[], write: readonly KvOp[], read: readonly KvRead[]): Txn {
  // biome-ignore lint/suspicious/noThenProperty: the store's word for the branch; plain data, never awaited
  return { if: when, then: write, else: read }
}

function compareText(compare: Compare): string {
  return JSON.stringify(compare)
}

function targetOf(op: KvOp): string {
  if ('put' in op) return op.put
  return 'delete' in op ? op.delete : op.deleteRange
}
