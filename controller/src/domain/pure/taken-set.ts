const WORD = 32
const FULL = 0xffff_ffff

/**
 * A set of offsets that answers "the first one that is not in it, from here on" in a handful of steps at any fill: a
 * bitmap whose full words are bits of a smaller bitmap above it, and so on. Words that are all zero are not stored, so a
 * sparse set over 2^48 offsets is as cheap as a dense one over 2^8.
 */
export class TakenSet {
  readonly #levels: Map<number, number>[] = []
  readonly #size: number

  /** @param size offsets are 0 to size - 1; at most 2^48. */
  constructor(size: number) {
    this.#size = size
    for (let words = size; this.#levels.length === 0 || words > 1; words = Math.ceil(words / WORD)) {
      this.#levels.push(new Map())
    }
  }

  add(offset: number): void {
    let position = offset
    for (const level of this.#levels) {
      const word = Math.floor(position / WORD)
      const bits = ((level.get(word) ?? 0) | (1 << (position % WORD))) >>> 0
      level.set(word, bits)
      if (bits !== FULL) return
      position = word
    }
  }

  delete(offset: number): void {
    let position = offset
    for (const level of this.#levels) {
      const word = Math.floor(position / WORD)
      const before = level.get(word) ?? 0
      const bits = (before & ~(1 << (position % WORD))) >>> 0
      if (bits === 0) level.delete(word)
      else level.set(word, bits)
      if (before !== FULL) return
      position = word
    }
  }

  has(offset: number): boolean {
    return ((this.#levels[0]?.get(Math.floor(offset / WORD)) ?? 0) & (1 << (offset % WORD))) !== 0
  }

  /** The smallest offset >= from that is not in the set. */
  nextFree(from: number): number | undefined {
    let position = from
    for (const [height, level] of this.#levels.entries()) {
      const word = Math.floor(position / WORD)
      const free = ~(level.get(word) ?? 0) & (-1 << (position % WORD))
      if (free !== 0) return this.#descend(height, word * WORD + lowestBit(free))
      position = word + 1
    }
    return undefined
  }

  #descend(height: number, start: number): number | undefined {
    let position = start
    for (const level of this.#levels.slice(0, height).reverse()) {
      position = position * WORD + lowestBit(~(level.get(position) ?? 0))
    }
    return position < this.#size ? position : undefined
  }
}

/** Position of the lowest one bit of a non-zero word. */
function lowestBit(word: number): number {
  return 31 - Math.clz32(word & -word)
}
