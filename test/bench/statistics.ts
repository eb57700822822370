/** Medians and paired ratios: what may be quoted from a noisy machine. */

/** The median; NaN for no samples. */
export function median(samples: readonly number[]): number {
  const sorted = samples.filter((sample) => Number.isFinite(sample)).sort((a, b) => a - b)
  const middle = sorted.length >> 1
  if (sorted.length === 0) return Number.NaN
  const upper = sorted[middle] as number
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] as number)) / 2
}

/** Median of same-round ratios: drift of the machine cancels. Samples of one index belong to one round. */
export function pairedRatio(samples: readonly number[], reference: readonly number[]): number {
  return median(samples.map((sample, round) => sample / (reference[round] ?? Number.NaN)))
}

/** Shuffles in place order: each round visits the targets in an order of its own. */
export function shuffled<T>(values: readonly T[]): T[] {
  const out = [...values]
  for (let index = out.length - 1; index > 0; index--) {
    const other = Math.floor(Math.random() * (index + 1))
    ;[out[index], out[other]] = [out[other] as T, out[index] as T]
  }
  return out
}

/** Adds a sample to its column, making the column at the first. */
export function addSample(samples: Record<string, number[]>, label: string, value: number): void {
  const column = samples[label]
  if (column === undefined) samples[label] = [value]
  else column.push(value)
}
