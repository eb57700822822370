/** One link as the kernel tells it (RTM_NEWLINK), copied out of the receive buffer, indexes still in it. */
import { INTERFACE_PREFIX, WEFT_LINK_GROUP } from '@weft/shared'
import { type LinkAttrs, parseInfo } from 'netlink/dist/rt/ifla.js'
import { formatLinkMessage, MessageType, parseLinkMessage } from 'netlink/dist/rt/structs.js'
import { type NetlinkMessage as Message, readS32 } from 'netlink/dist/structs.js'
import { ERRNO } from '../errno.ts'
import { type Request, toBuffer } from '../netlink/message.ts'
import type { NetlinkSocket } from '../netlink/transport.ts'
import { AF_INET, AF_INET6, macText } from '../netlink/values.ts'

/** Links in course of removal carry this group for the moment between mark and stroke (write/delete-links.ts). */
export const DOOMED_LINK_GROUP = WEFT_LINK_GROUP - 1

export interface LinkRow {
  readonly index: number
  readonly name: string
  readonly mac: string
  readonly mtu: number
  readonly up: boolean
  readonly loopback: boolean
  readonly group: number
  readonly masterIndex: number
  readonly alias: string | undefined
  /** IFLA_INFO_KIND, undefined for a NIC. */
  readonly kind: string | undefined
  readonly kindData: Buffer | undefined
  readonly portKind: string | undefined
  readonly portData: Buffer | undefined
  /** IFLA_LINK, 0 for none; its netns is the link's own unless `lowerNsid` is given. */
  readonly lowerIndex: number
  readonly lowerNsid: number | undefined
  readonly ipv6: boolean
  /** undefined where the families differ, so that it is set again. */
  readonly forwarding: boolean | undefined
  readonly strictArp: boolean
}

/** RTEXT_FILTER_SKIP_STATS (linux/rtnetlink.h): counters are most of a link message and nobody here reads them. */
const SKIP_STATS = Buffer.from([8, 0, 0, 0])

export function dumpLinks(socket: NetlinkSocket): LinkRow[] {
  return socket.dump(getLink({ extMask: SKIP_STATS }), parseRow)
}

/** The link of that name, or undefined. */
export function findLink(socket: NetlinkSocket, name: string): LinkRow | undefined {
  return socket.get(getLink({ extMask: SKIP_STATS, ifname: name }), parseRow, [ERRNO.ENODEV])
}

/** The mark: our group and a generated name, or a VLAN sub-interface (named after its parent) of our group. */
export function isOwned(row: Pick<LinkRow, 'group' | 'name' | 'kind'>): boolean {
  const marked = row.group === WEFT_LINK_GROUP || row.group === DOOMED_LINK_GROUP
  return marked && (row.name.startsWith(INTERFACE_PREFIX) || row.kind === 'vlan')
}

function getLink(attrs: LinkAttrs): Request {
  const payload = toBuffer((out) => formatLinkMessage({ kind: 'link', data: {}, attrs }, out))
  return { type: MessageType.GETLINK, flags: 0, payload }
}

function parseRow(message: Message): LinkRow {
  const { data, attrs } = parseLinkMessage(message.data)
  const info = attrs.linkinfo === undefined ? {} : parseInfo(attrs.linkinfo)
  return {
    index: data.index ?? 0,
    name: attrs.ifname ?? '',
    mac: attrs.address === undefined ? '' : macText(attrs.address),
    mtu: attrs.mtu ?? 0,
    up: data.flags?.up === true,
    loopback: data.flags?.loopback === true,
    group: attrs.group ?? 0,
    masterIndex: attrs.master ?? 0,
    alias: attrs.ifalias,
    kind: info.kind,
    kindData: copy(info.data),
    portKind: info.slaveKind,
    portData: copy(info.slaveData),
    lowerIndex: attrs.link === undefined ? 0 : readS32.call(attrs.link, 0),
    lowerNsid: attrs.linkNetnsid,
    ...inetSettings(attrs.afSpec),
  }
}

function copy(bytes: Buffer | undefined): Buffer | undefined {
  return bytes === undefined ? undefined : Buffer.from(bytes)
}

/** Nested in IFLA_AF_SPEC: an array of __s32, IPv4's without its first place (linux/ip.h, linux/ipv6.h). */
const IFLA_INET_CONF = 1
const IFLA_INET6_CONF = 2
const V4 = { forwarding: 0, arpAnnounce: 17, arpIgnore: 18 } as const
const V6 = { forwarding: 0, disabled: 26 } as const

/** IPv6 runs on the link: the kernel has it there at all (MTU of 1280 or more) and disable_ipv6 is 0. */
function inetSettings(afSpec: Map<number, Buffer> | undefined) {
  const v4 = confOf(afSpec?.get(AF_INET), IFLA_INET_CONF)
  const v6 = confOf(afSpec?.get(AF_INET6), IFLA_INET6_CONF)
  const ipv6 = v6 !== undefined && v6(V6.disabled) === 0
  const forwards = v4?.(V4.forwarding) === 1
  return {
    ipv6,
    forwarding: ipv6 && (v6(V6.forwarding) === 1) !== forwards ? undefined : forwards,
    strictArp: v4?.(V4.arpIgnore) === 1 && v4(V4.arpAnnounce) === 2,
  }
}

function confOf(family: Buffer | undefined, wanted: number): ((place: number) => number) | undefined {
  if (family === undefined) return undefined
  for (let offset = 0; offset + 4 <= family.length; ) {
    const length = family.readUInt16LE(offset)
    const type = family.readUInt16LE(offset + 2) & 0x3fff
    const start = offset + 4
    if (type === wanted) return (place) => family.readInt32LE(start + 4 * place)
    if (length < 4) return undefined
    offset += (length + 3) & ~3
  }
  return undefined
}
