/**
 * Keys whose values cannot be read, and those of them of which nobody here knows what they said before.
 *
 * Invariant: a key is lost only while something of intents hangs on it: it has older versions, none of them known here. One
 * whose first version cannot be read either never told anybody anything.
 */
import { WeftError } from '@weft/shared'

/** An etcd entry. */
export interface RawEntry {
  readonly key: string
  readonly value: string
  readonly createRevision: number
  readonly modRevision: number
}

export class Unreadable {
  /** Key -> why. */
  readonly damaged = new Map<string, string>()
  readonly lost = new Set<string>()
  /** Lost keys of which older versions may be had from etcd's history, and the revision of the oldest one seen. */
  readonly recallable = new Map<string, number>()

  /** @param mayLose intents hang on what the key said before, if it said anything, and that is not known here */
  take(entry: RawEntry, thrown: unknown, mayLose: boolean): void {
    const { parts } = WeftError.from(thrown)
    this.damaged.set(entry.key, parts.why ?? parts.what)
    if (!mayLose || isFirst(entry)) return
    this.lost.add(entry.key)
    this.recallable.set(entry.key, entry.modRevision)
  }

  /** An older version of a lost key cannot be read either. */
  takeOlder(entry: RawEntry): void {
    if (isFirst(entry)) this.found(entry.key)
    else this.recallable.set(entry.key, entry.modRevision)
  }

  /** What a damaged key said before is known. */
  found(key: string): void {
    this.lost.delete(key)
    this.recallable.delete(key)
  }

  /** The key can be read, or is gone. */
  forget(key: string): void {
    this.damaged.delete(key)
    this.found(key)
  }
}

function isFirst({ createRevision, modRevision }: RawEntry): boolean {
  return createRevision === modRevision
}
