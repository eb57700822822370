/**
 * The declarative layer: a file says what there should be, each kind of thing knows what there is and how to get from one
 * to the other. A kind is one file beside this and one line in `registry.ts`.
 */
import type { NetworkChange } from '@weft/shared'
import type { z } from 'zod'
import type { Client } from '../client/client.ts'

/** Why something cannot be had of what exists. */
export interface Fixed {
  /** `driver: overlay -> macvlan` */
  readonly what: string
  readonly why: string
}

/** What the controller says of a step before it is done. */
export interface Checked {
  /** Empty: it is so already. */
  readonly changes: readonly NetworkChange[]
  readonly warnings: readonly string[]
}

/** On which hosts a step changes something: these, or all that there are; `network` tells who has endpoints in it. */
export type Where = { readonly hosts: readonly string[] } | { readonly network: string | undefined }

export interface Step {
  readonly verb: 'create' | 'update' | 'remove'
  /** `network mynet`, `uplink storage of docker1`: unique in a plan. */
  readonly subject: string
  /** Beginnings of the subjects that must have had their turn: a network on `@storage` needs `uplink storage `. */
  readonly needs: readonly string[]
  /** Beginnings of `verb subject` of what may be refused only while this is there: `create network `, `remove network lan `. */
  readonly frees: readonly string[]
  /** What the file does not name: only with --prune. */
  readonly prune?: true
  readonly fixed: readonly Fixed[]
  readonly where: Where
  /** Asks without changing anything. @throws what doing it would throw, as far as that can be known */
  check(client: Client, newRequestId: () => string): Promise<Checked>
  /** Does it. @returns the revision at which hosts have it, where that is told */
  run(client: Client, newRequestId: () => string): Promise<number | undefined>
}

/** What there is of a kind. */
export interface Present<Wanted> {
  /** In the file's own words; undefined when there is nothing. */
  readonly described: unknown
  /** From here to what is wanted, and (as `prune`) without what is not named. In the order in which they can be done. */
  steps(wanted: Wanted): Step[]
}

export interface Kind<Wanted> {
  /** Its key in the file. */
  readonly key: string
  /** What the section says, for the reference. */
  readonly summary: string
  /** What its keys are, where it is a map of names, from the outside: `NETWORK`, `CONTAINER`. */
  readonly names: readonly string[]
  /** Strict; a section's value as it is written. */
  readonly schema: z.ZodType<Wanted>
  read(client: Client): Promise<Present<Wanted>>
}
