/** Every kind of the declarative layer, one line each, in the order in which things are made; they go in the other one. */
import type { Kind } from './kind.ts'
import { networks } from './networks.ts'
import { publications } from './publications.ts'
import { reservations } from './reservations.ts'
import { routers } from './routers.ts'
import { uplinks } from './uplinks.ts'

// biome-ignore lint/suspicious/noExplicitAny: each kind has its own section's type; the file's schema parses before.
export const KINDS: readonly Kind<any>[] = [uplinks, networks, reservations, routers, publications]
