/**
 * One table of nftables, as data: what is compared, united and replaced is always a whole table, in one transaction.
 * Several networks may each write a part of one table; {@link mergeNftTables} makes it one.
 *
 * Invariants
 * - A table of ours is named `weft_…` and carries {@link NFT_TABLE_COMMENT}; no other is read or touched.
 * - Rules and elements are written by pure code from checked values, one line each; what could end a statement or open a
 *   comment is refused here all the same.
 * - Chains look members up in sets and maps of constant name, so that a change of members changes no rule.
 */
import { z } from 'zod'
import { WeftError } from '../errors.ts'
import { canonicalJson } from '../intent/digest.ts'

/** The mark of a table that is ours (its comment, `nft list table`). */
export const NFT_TABLE_COMMENT = 'weft'

const Word = z.string().regex(/^[a-zA-Z_][a-zA-Z0-9_]*$/)
/** One statement, expression or element. */
const Line = z.string().regex(/^[^\n;#]+$/)

export const NftSetSchema = z.strictObject({
  kind: z.enum(['set', 'map']),
  name: Word,
  /** What it holds, in nft's words: `type ipv4_addr`, `typeof ip saddr . udp dport`, of a map `type ipv4_addr : verdict`. */
  of: Line,
  /** `interval` for prefixes and ranges. */
  flags: z.array(z.enum(['interval', 'constant'])).optional(),
  /** `10.0.0.1 . 4789`, of a map `10.0.0.1 : accept`. */
  elements: z.array(Line),
})

export const NFT_HOOKS = ['prerouting', 'input', 'forward', 'output', 'postrouting', 'ingress', 'egress'] as const

export const NftHookSchema = z.strictObject({
  type: z.enum(['filter', 'nat', 'route']),
  at: z.enum(NFT_HOOKS),
  priority: z.number().int(),
  policy: z.enum(['accept', 'drop']).optional(),
  /** Of `ingress` and `egress`: the link, in the table's netns, whose packets are seen. */
  device: z
    .string()
    .regex(/^[^\s"/]{1,15}$/)
    .optional(),
})

export const NftChainSchema = z.strictObject({
  name: Word,
  /** A base chain; left out for one that is only jumped to. */
  hook: NftHookSchema.optional(),
  rules: z.array(Line),
})

const NftTableKeySchema = {
  /** As of a link: '' the host's own, 'weft' the fabric, an absolute path a sandbox. */
  netns: z.string(),
  family: z.enum(['ip', 'ip6', 'inet', 'arp', 'bridge', 'netdev']),
  name: z.string().regex(/^weft_[a-z0-9_]+$/),
}
export const NftTableRefSchema = z.strictObject(NftTableKeySchema)
export const NftTableSchema = z.strictObject({
  ...NftTableKeySchema,
  sets: z.array(NftSetSchema),
  chains: z.array(NftChainSchema),
  /** May exist or not, and is neither made nor altered nor removed; what it holds is not told. */
  presence: z.literal('tolerated').optional(),
})
export type NftSet = z.infer<typeof NftSetSchema>
export type NftHook = z.infer<typeof NftHookSchema>
export type NftChain = z.infer<typeof NftChainSchema>
export type NftTableRef = z.infer<typeof NftTableRefSchema>
/**
 * Where the one link is that a table in a sandbox hooks into, while Docker is about to bring it: still under a name in another
 * netns, and soon under one of `names`. Its number goes along. Linux 6.16 hooks into a link when it comes.
 */
export const ComingLinkSchema = z.strictObject({
  link: z.strictObject({ netns: z.string(), name: z.string() }),
  names: z.array(z.string().regex(/^[^\s"/]{1,15}$/)),
})
export type ComingLink = z.infer<typeof ComingLinkSchema>
/** A link that is not there yet, as nft can be told of it. */
export interface AwaitedLink {
  readonly names: readonly string[]
  readonly index: number
}

/** A table as wanted; as observed it is what was written, or one without sets and chains when it was altered since. */
export type NftTable = z.infer<typeof NftTableSchema>

export function nftTableKey({ netns, family, name }: NftTableRef): string {
  return `${netns} ${family} ${name}`
}

/** The same table in one spelling: sets by name, elements sorted and each once. Chains keep their order. */
export function normalNftTable(table: NftTable): NftTable {
  const sets = table.sets.map((set) => ({ ...set, elements: [...new Set(set.elements)].sort() }))
  return { ...table, sets: sets.sort((a, b) => (a.name < b.name ? -1 : 1)) }
}

export function sameNftTable(a: NftTable, b: NftTable): boolean {
  return canonicalJson(normalNftTable(a)) === canonicalJson(normalNftTable(b))
}

/**
 * Each table once: sets of one name hold the elements of all, chains of one name the rules of all in order of first
 * mention; a tolerated part gives way to any other. Throws `internal` when two parts declare a set or a hook differently.
 */
export function mergeNftTables(parts: readonly NftTable[]): NftTable[] {
  const tables = new Map<string, NftTable>()
  for (const part of parts) {
    const known = tables.get(nftTableKey(part))
    if (known === undefined || known.presence === 'tolerated') tables.set(nftTableKey(part), part)
    else if (part.presence === undefined) tables.set(nftTableKey(part), mergeTwo(known, part))
  }
  return [...tables.values()]
}

function mergeTwo(a: NftTable, b: NftTable): NftTable {
  const differs = (what: string) => new WeftError('internal', { what: `${what} declared in two ways`, on: a.name })
  const sets = unite(a.sets, b.sets, (one, other) => {
    const [{ elements, ...first }, { elements: more, ...second }] = [one, other]
    if (canonicalJson(first) !== canonicalJson(second)) throw differs(`set ${one.name}`)
    return { ...one, elements: [...new Set([...elements, ...more])] }
  })
  const chains = unite(a.chains, b.chains, (one, other) => {
    if (canonicalJson(one.hook ?? null) !== canonicalJson(other.hook ?? null)) throw differs(`chain ${one.name}`)
    return { ...one, rules: [...new Set([...one.rules, ...other.rules])] }
  })
  return { ...a, sets, chains }
}

function unite<T extends { readonly name: string }>(a: readonly T[], b: readonly T[], both: (a: T, b: T) => T): T[] {
  const named = new Map(a.map((each) => [each.name, each]))
  for (const each of b) {
    const known = named.get(each.name)
    named.set(each.name, known === undefined ? each : both(known, each))
  }
  return [...named.values()]
}

/** Takes the table away, whether it is there or not, as text for nft. */
export function nftClearScript({ family, name }: NftTableRef): string {
  return `add table ${family} ${name}\ndelete table ${family} ${name}\n`
}

/**
 * The whole table where there is none, as text for nft in its netns; one transaction. Throws `invalid`.
 * @param awaited in place of the device of its hooks, which is not there
 */
export function nftTableScript(table: NftTable, awaited?: AwaitedLink): string {
  const checked = NftTableSchema.safeParse(normalNftTable(table))
  if (!checked.success) {
    throw new WeftError('invalid', {
      what: 'not a table for nft',
      on: table.name,
      why: checked.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; '),
    })
  }
  const { family, name, sets, chains } = checked.data
  const body = [
    `  comment "${NFT_TABLE_COMMENT}"`,
    ...sets.map(setText),
    ...chains.map((chain) => chainText(chain, awaited)),
  ]
  return `table ${family} ${name} {\n${body.join('\n')}\n}\n`
}

/**
 * Matches what does not go out by this interface: a hook at egress of several sees what goes out by any of them. By its name,
 * or by its number while it is awaited.
 */
export function goesElsewhere(device: string | number): string {
  return `oif != ${typeof device === 'string' ? `"${device}"` : device}`
}

function setText({ kind, name, of, flags, elements }: NftSet): string {
  const held = elements.length === 0 ? '' : ` elements = { ${elements.join(', ')} }`
  return `  ${kind} ${name} { ${of};${flags === undefined ? '' : ` flags ${flags.join(', ')};`}${held} }`
}

function chainText({ name, hook, rules }: NftChain, awaited: AwaitedLink | undefined): string {
  const { device } = hook ?? {}
  const known = (rule: string) =>
    awaited === undefined || device === undefined
      ? rule
      : rule.replace(goesElsewhere(device), goesElsewhere(awaited.index))
  return [
    `  chain ${name} {`,
    ...(hook === undefined ? [] : [`    ${hookText(hook, awaited)}`]),
    ...rules.map(known).map(indent),
    '  }',
  ].join('\n')
}

function hookText(
  { type, at, priority, policy = 'accept', device }: NftHook,
  awaited: AwaitedLink | undefined,
): string {
  const devices = awaited?.names.map((name) => `"${name}"`).join(', ')
  const on = device === undefined ? '' : devices === undefined ? ` device "${device}"` : ` devices = { ${devices} }`
  return `type ${type} hook ${at}${on} priority ${priority}; policy ${policy};`
}

function indent(rule: string): string {
  return `    ${rule}`
}
