/** What a link kind must tell so that one generic piece of code can make and read it (IFLA_LINKINFO, linux/if_link.h). */
import type { Link, LinkRef } from '@weft/shared'

/** Kinds that Weft makes. */
export type MadeKind = Exclude<Link['kind'], 'other'>
export type LinkOf<K extends Link['kind']> = Extract<Link, { kind: K }>

export interface WireContext {
  /** Index of {@link KindCodec.lower}, in the netns of the request; 0 without one. */
  readonly lowerIndex: number
  /** Descriptor of the netns of {@link KindCodec.peerNetns}; -1 without one. */
  readonly peerNetnsFd: number
}

export interface ReadContext {
  /** What IFLA_LINK points to, when it lies in a netns that we know. */
  readonly lower: LinkRef | undefined
  /** Name of the link with this index in the netns of IFLA_LINK_NETNSID (the own one of the link without it). */
  nameOf(index: number): string | undefined
}

export interface KindCodec<K extends MadeKind> {
  /** The netns in which the create request is made; the link is born in `link.netns` even when that is another. */
  requestNetns(link: LinkOf<K>): string
  /** The link on which this one stands; it must live in the netns of the request. */
  lower?(link: LinkOf<K>): LinkRef
  /** Put the lower link into IFLA_LINK (vxlan names it in its own data instead). */
  readonly lowerInHeader: boolean
  peerNetns?(link: LinkOf<K>): string
  /** Throws `invalid` for what the kernel cannot be asked. Undefined: no IFLA_INFO_DATA. */
  encode(link: LinkOf<K>, context: WireContext): Buffer | undefined
  /** The fields that only this kind has; undefined when they cannot be told (a parent in a netns unknown to us). */
  decode(data: Buffer, context: ReadContext): KindFields<K> | undefined
}

/** The members of a link that only its kind has. */
export type KindFields<K extends MadeKind> = Omit<LinkOf<K>, 'kind' | CommonField>
type CommonField = keyof LinkOf<'other'>
