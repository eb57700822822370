/**
 * The names file: what the agent knows, written for the resolver, which outlives it. Pure.
 *
 * Invariant: an address is in it only while its container has an interface in the network.
 */
import { EndpointName, type EntryMap, IpText, Name, Uid } from '@weft/shared'
import { z } from 'zod'
import { type AgentState, isWired, type LocalRecord } from '../state/records.ts'

const VERSION = 1

/** Docker allows names that DNS cannot say: labels are 1 to 63 bytes (RFC 1035 section 2.3.4). */
const DnsName = EndpointName.refine((name) => name.split('.').every((label) => label !== '' && label.length <= 63), {
  error: 'has a part between dots that is empty or longer than 63 characters',
})

/** One endpoint: the first name is the container's, which its addresses lead back to. */
const Named = z.strictObject({ names: z.array(DnsName).min(1), addresses: z.array(IpText) })
export type Named = z.infer<typeof Named>

export const NamesFile = z.strictObject({
  v: z.literal(VERSION),
  /** Networks that a sandbox of this host is in. */
  networks: z.array(z.strictObject({ uid: Uid, name: Name, endpoints: z.array(Named) })),
  sandboxes: z.array(
    z.strictObject({
      /** The namespace file. */
      path: z.string().startsWith('/'),
      networks: z.array(Uid),
      /** None of its networks has a way out: nothing is asked outside. */
      internal: z.boolean(),
    }),
  ),
})
export type NamesFile = z.infer<typeof NamesFile>

export const NO_NAMES: NamesFile = { v: VERSION, networks: [], sandboxes: [] }

/** Docker's short id, by which a container is found as well. */
const SHORT_ID = 12

/** @param host id of this host: its own endpoints are taken from its records, the others' from the intent */
export function namesOf({ entries, endpoints }: Pick<AgentState, 'entries' | 'endpoints'>, host: string): NamesFile {
  const present = [...endpoints.values()].filter((record) => isWired(record) && record.sandbox !== undefined)
  const sandboxes = new Map<string, Set<string>>()
  for (const { sandbox = '', network } of present) {
    if (entries.has(`network/${network}`)) sandboxes.set(sandbox, (sandboxes.get(sandbox) ?? new Set()).add(network))
  }
  const wanted = new Set([...sandboxes.values()].flatMap((networks) => [...networks]))
  const byNetwork = new Map([...wanted].map((uid) => [uid, [] as Named[]]))
  for (const record of present) addNamed(byNetwork, record, ownNames(record))
  for (const entry of entries.values()) {
    if (entry.kind !== 'endpoint' || entry.host === host || entry.stopped === true) continue
    addNamed(byNetwork, entry, entry.name === undefined ? entry.aliases : [entry.name, ...entry.aliases])
  }
  return {
    v: VERSION,
    networks: [...byNetwork]
      .sort(byKey)
      .map(([uid, named]) => ({ uid, name: networkName(entries, uid), endpoints: named })),
    sandboxes: [...sandboxes].sort(byKey).map(([path, networks]) => ({
      path,
      networks: [...networks].sort((a, b) => (networkName(entries, a) < networkName(entries, b) ? -1 : 1)),
      internal: [...networks].every((uid) => isInternal(entries, uid)),
    })),
  }
}

function addNamed(
  byNetwork: ReadonlyMap<string, Named[]>,
  { network, addresses }: { readonly network: string; readonly addresses: readonly string[] },
  names: readonly string[],
): void {
  const sound = [...new Set(names)].filter((name) => DnsName.safeParse(name).success)
  if (sound.length === 0) return
  byNetwork
    .get(network)
    ?.push({ names: sound, addresses: addresses.map((address) => address.split('/')[0] ?? address) })
}

/** The short id is known before Docker tells of it as an alias. */
function ownNames({ name, aliases, containerId }: LocalRecord): string[] {
  const shortId = containerId?.slice(0, SHORT_ID)
  return [...(name === undefined ? [] : [name]), ...aliases, ...(shortId === undefined ? [] : [shortId])]
}

function networkName(entries: EntryMap, uid: string): string {
  const entry = entries.get(`network/${uid}`)
  return entry?.kind === 'network' ? entry.name : uid
}

function isInternal(entries: EntryMap, uid: string): boolean {
  const entry = entries.get(`network/${uid}`)
  return entry?.kind === 'network' && entry.internal
}

function byKey([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1
}
