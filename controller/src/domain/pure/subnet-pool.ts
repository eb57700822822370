/**
 * The addresses of one subnet as the cache knows them: held, reserved, free. Only a hint for choosing candidates; the
 * compare-and-set in etcd decides (TRUTH.md T1).
 *
 * Invariant: an address counts as taken as soon as its key exists, whatever the value says.
 */
import { type Address, addressFromHex, addressToHex, type Cidr, cidrSize, lastAddress, parseCidr } from '@weft/shared'
import type { HeldRecord, ReservedRecord, Stored, SubnetRecord } from './records.ts'
import { TakenSet } from './taken-set.ts'

/** Choice is made among the first 2^48 addresses of a range; those beyond can be asked for by name. */
const LARGEST_CHOICE = 1n << 48n

/** The range from which addresses are chosen: `--ip-range` if given, else the subnet. */
export function choiceRange(subnet: Pick<SubnetRecord, 'cidr' | 'ipRange'>): Cidr {
  return parseCidr(subnet.ipRange ?? subnet.cidr)
}

export class SubnetPool {
  /** By hex; undefined when the value is damaged. */
  readonly held = new Map<string, Stored<HeldRecord> | undefined>()
  readonly reserved = new Map<string, Stored<ReservedRecord> | undefined>()
  /** The last address that Weft chose here, by the revision that made its record. */
  #last: { value: bigint; revision: number } | undefined
  #choice: { family: 4 | 6; first: bigint; size: number; taken: TakenSet } | undefined

  /** Tells the pool its bounds; records of addresses may have come before. */
  define(subnet: SubnetRecord): void {
    const range = choiceRange(subnet)
    const size = Number(cidrSize(range) < LARGEST_CHOICE ? cidrSize(range) : LARGEST_CHOICE)
    this.#choice = { family: range.family, first: range.base, size, taken: new TakenSet(size) }
    for (const hex of [...this.held.keys(), ...this.reserved.keys()]) this.#mark(hex)
  }

  hold(hex: string, record: Stored<HeldRecord> | undefined): void {
    this.held.set(hex, record)
    this.#mark(hex)
    if (record?.value.chosen === true && record.createRevision > (this.#last?.revision ?? -1)) {
      this.#last = { value: addressFromHex(hex).value, revision: record.createRevision }
    }
  }

  reserve(hex: string, record: Stored<ReservedRecord> | undefined): void {
    this.reserved.set(hex, record)
    this.#mark(hex)
  }

  /** Forgets one of an address's two keys. */
  drop(from: 'held' | 'reserved', hex: string): void {
    this[from].delete(hex)
    if (!this.held.has(hex) && !this.reserved.has(hex)) {
      const offset = this.#offset(hex)
      if (offset !== undefined) this.#choice?.taken.delete(offset)
    }
  }

  get lastChosen(): bigint | undefined {
    return this.#last?.value
  }

  /** How many addresses choice is made among, and how many of them are free. */
  get size(): number {
    return this.#choice?.size ?? 0
  }

  /**
   * The next free address after `after`, ascending and wrapping, that `skip` does not bar; undefined when there is none.
   * A few map look-ups at any fill, plus one call of `skip` per barred candidate.
   */
  choose(after: bigint | undefined, skip: (hex: string) => boolean): Address | undefined {
    const choice = this.#choice
    if (choice === undefined) return undefined
    const offset = after === undefined ? 0 : Number(after + 1n - choice.first)
    const start = offset >= 0 && offset < choice.size ? offset : 0
    return this.#firstIn(choice, start, choice.size, skip) ?? this.#firstIn(choice, 0, start, skip)
  }

  #firstIn(
    choice: { family: 4 | 6; first: bigint; taken: TakenSet },
    from: number,
    to: number,
    skip: (hex: string) => boolean,
  ): Address | undefined {
    for (let at = choice.taken.nextFree(from); at !== undefined && at < to; at = choice.taken.nextFree(at + 1)) {
      const address = { family: choice.family, value: choice.first + BigInt(at) }
      if (!skip(addressToHex(address))) return address
    }
    return undefined
  }

  #mark(hex: string): void {
    const offset = this.#offset(hex)
    if (offset !== undefined) this.#choice?.taken.add(offset)
  }

  #offset(hex: string): number | undefined {
    const choice = this.#choice
    if (choice === undefined) return undefined
    const { family, value } = addressFromHex(hex)
    const offset = value - choice.first
    return family === choice.family && offset >= 0n && offset < BigInt(choice.size) ? Number(offset) : undefined
  }
}

/** Addresses that a subnet has by rule for nobody: network and broadcast (RFC 1122), subnet-router anycast (RFC 4291 2.6.1). */
export function ruledOut(cidr: Cidr): { address: Address; purpose: 'network' | 'broadcast' | 'anycast' }[] {
  const first = { family: cidr.family, value: cidr.base }
  if (cidr.family === 6) return [{ address: first, purpose: 'anycast' }]
  if (cidr.prefixLength >= 31) return []
  return [
    { address: first, purpose: 'network' },
    { address: lastAddress(cidr), purpose: 'broadcast' },
  ]
}
