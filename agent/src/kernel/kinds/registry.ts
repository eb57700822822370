/** Every link kind that Weft makes, by the name that the kernel has for it. A new kind is one file and one line here. */
import { bridge } from './bridge.ts'
import { ipvlan } from './ipvlan.ts'
import type { KindCodec, MadeKind } from './kind.ts'
import { macvlan } from './macvlan.ts'
import { veth } from './veth.ts'
import { vlan } from './vlan.ts'
import { vxlan } from './vxlan.ts'

const KINDS = { bridge, vxlan, veth, macvlan, ipvlan, vlan } satisfies { readonly [K in MadeKind]: KindCodec<K> }

export function isMadeKind(kind: string | undefined): kind is MadeKind {
  return kind !== undefined && Object.hasOwn(KINDS, kind)
}

/** The codec of a kind, as one that takes any made link: the caller passes a link of that very kind. */
export function codecOf(kind: MadeKind): KindCodec<MadeKind> {
  return KINDS[kind] as unknown as KindCodec<MadeKind>
}
