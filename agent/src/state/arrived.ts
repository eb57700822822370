/** From what was observed to the records: whether Docker is done with an interface that it moves into a sandbox. Pure. */
import type { EntryMap, HostState, LocalEndpoint } from '@weft/shared'
import { withAttachment } from './local-endpoints.ts'
import type { LocalRecords } from './records.ts'
import { dockersWays } from './ways-out.ts'

/**
 * However long Docker takes once it has moved an interface; then that is ours to keep whatever it lacks. Until it moves it, a
 * busy host may take any time.
 */
const MOVING_MS = 15_000

/**
 * An interface seen in its sandbox is kept from when Docker is done with it. Adding its address or route before Docker
 * does makes Docker's own attempt fail, and the container's start with it.
 * @param since when it was first seen there
 */
export function arrived(
  { records, entries, since }: { records: LocalRecords; entries: EntryMap; since: number },
  before: LocalEndpoint,
  after: LocalEndpoint,
  observed: HostState,
  now: number,
): LocalEndpoint {
  if (before.attachment.phase !== 'in-flight' || after.attachment.phase !== 'sandbox') return after
  const record = records.get(after.uid)
  if (record === undefined || record.settled || now - since > MOVING_MS) return after
  const { netns, name } = after.attachment.link
  const up = observed.links.some((link) => link.netns === netns && link.name === name && link.up === true)
  const has = new Set(
    observed.addresses.flatMap((each) => (each.netns === netns && each.link === name ? each.address : [])),
  )
  const routed = new Set(observed.routes.flatMap((each) => (each.netns === netns ? (each.via ?? []) : [])))
  const byDevice = (destination: string) =>
    observed.routes.some((each) => each.netns === netns && each.link === name && each.destination === destination)
  const { gateways, devices } = dockersWays(record, entries)
  const isRouted = gateways.every((each) => routed.has(each)) && devices.every(byDevice)
  const done = up && after.addresses.every((each) => has.has(each)) && isRouted
  return done ? after : before
}

/** The very same map when nothing is new. */
export function withAttachments(records: LocalRecords, endpoints: readonly LocalEndpoint[], now: number): LocalRecords {
  const changed = endpoints.flatMap(({ uid, attachment }) => {
    const record = records.get(uid)
    const next = record === undefined ? undefined : withAttachment(record, attachment, now)
    return next === undefined || next === record ? [] : [[uid, next] as const]
  })
  return changed.length === 0 ? records : new Map([...records, ...changed])
}
