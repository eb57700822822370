/** The figures of a run as a table for people, as JSON for machines and as an SVG for both. */
import { median, pairedRatio } from './statistics.ts'

/** One measured quantity: samples by target, and what each is compared with. */
export interface Quantity {
  readonly title: string
  readonly unit: string
  readonly better: 'higher' | 'lower'
  readonly samples: Readonly<Record<string, readonly number[]>>
  /** Labels whose same-round ratio is printed. */
  readonly references: readonly string[]
}

export interface Target {
  readonly what: string
  readonly value: number
  readonly wanted: string
  readonly met: boolean
}

/** One text table a quantity: median, range, and the paired ratio to each reference. */
export function table(quantity: Quantity): string {
  const { title, unit, better, samples, references } = quantity
  const head = ['', unit, 'min', 'max', ...references.map((label) => `x ${label}`)]
  const rows = Object.entries(samples).map(([label, values]) => [
    label,
    shown(median(values)),
    shown(Math.min(...values)),
    shown(Math.max(...values)),
    ...references.map((reference) => shown(pairedRatio(values, samples[reference] ?? []))),
  ])
  const widths = head.map((text, column) => Math.max(text.length, ...rows.map((row) => (row[column] ?? '').length)))
  const line = (row: readonly string[]) =>
    row
      .map((text, column) => (column === 0 ? text.padEnd(widths[0] ?? 0) : text.padStart(widths[column] ?? 0)))
      .join('  ')
  return [`${title} (${better} is better)`, line(head), ...rows.map(line)].join('\n')
}

/** Bars of the medians, one panel a quantity; self-contained. */
export function svg(quantities: readonly Quantity[]): string {
  const panelHeight = (quantity: Quantity) => 40 + Object.keys(quantity.samples).length * 24
  const height = quantities.reduce((sum, quantity) => sum + panelHeight(quantity), 20)
  let top = 10
  const panels = quantities.map((quantity) => {
    const y = top
    top += panelHeight(quantity)
    return panel(quantity, y)
  })
  const style = 'font-family="sans-serif" font-size="13"'
  return `<svg xmlns="http://www.w3.org/2000/svg" width="760" height="${height}" ${style}><title>Weft beside its peers</title><rect width="100%" height="100%" fill="#fff"/>${panels.join('')}</svg>\n`
}

function panel(quantity: Quantity, top: number): string {
  const entries = Object.entries(quantity.samples).map(([label, values]) => [label, median(values)] as const)
  const longest = Math.max(...entries.map(([, value]) => value))
  const bars = entries.map(([label, value], index) => {
    const y = top + 30 + index * 24
    const width = Math.max(1, (value / longest) * 420)
    const colour = label.startsWith('Weft') ? '#2563eb' : '#94a3b8'
    return `<text x="190" y="${y + 14}" text-anchor="end">${escaped(label)}</text><rect x="200" y="${y}" width="${width.toFixed(1)}" height="18" fill="${colour}"/><text x="${(206 + width).toFixed(1)}" y="${y + 14}">${shown(value)}</text>`
  })
  const heading = `${quantity.title}, ${quantity.unit} (${quantity.better} is better)`
  return `<text x="10" y="${top + 18}" font-weight="bold">${escaped(heading)}</text>${bars.join('')}`
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

function shown(value: number): string {
  if (!Number.isFinite(value)) return '-'
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toFixed(2)
}
