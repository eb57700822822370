/** Changes of a network in words, and the refusal of those that take a new one. */
import { type NetworkChange, WeftError } from '@weft/shared'

/** One change; none where nothing differs. */
export function change(what: string, before: string | undefined, after: string | undefined): NetworkChange[] {
  if (before === after) return []
  return [{ what, ...(before === undefined ? {} : { before }), ...(after === undefined ? {} : { after }) }]
}

/** A change for each key that differs: `label team`. */
export function mapChanges(
  what: string,
  before: Readonly<Record<string, string>>,
  after: Readonly<Record<string, string>>,
): NetworkChange[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort()
  return names.flatMap((name) => change(`${what} ${name}`, before[name], after[name]))
}

/** What cannot change while containers live on a network. */
export function needsNewNetwork(network: string, on: string, why: string): WeftError {
  return new WeftError('unsupported', {
    what: `network ${network} cannot be changed so while it lives`,
    on,
    why,
    remedy: 'make another network with it (weft network create) and move the containers there',
  })
}
