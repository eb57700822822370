/** Changing attributes of a link that exists. */
import { FABRIC_NETNS, type Link, type Op, WeftError } from '@weft/shared'
import { formatBridgePort, formatInfo, type LinkAttrs, parseMacvlan, parseVxlan } from 'netlink/dist/rt/ifla.js'
import { formatLinkMessage, MessageType } from 'netlink/dist/rt/structs.js'
import { putU8 } from 'netlink/dist/structs.js'
import { ERRNO, errnoError } from '../errno.ts'
import { encodeBridge } from '../kinds/bridge.ts'
import { type Request, toBuffer } from '../netlink/message.ts'
import { macBytes } from '../netlink/values.ts'
import type { LinkRow } from '../read/link-row.ts'
import { checkName } from './link-name.ts'
import { setForwarding, setIpv6, setStrictArp } from './sysctl.ts'
import type { Writer } from './writer.ts'

/** linux/if_link.h */
const MACVLAN_MODE_PASSTHRU = 8

export type LinkChanges = Extract<Op, { op: 'link-set' }>['set']

/** Applies the changes in the order that the kernel needs, `up` last. Throws the first refusal and stops there. */
export function setLink(writer: Writer, netns: string, name: string, set: LinkChanges): void {
  const row = writer.needOurs(netns, name)
  if (set.proxy !== undefined) checkProxy(row, set.proxy)
  const { mac, ...others } = set
  // Even the same MAC, set again, drops every neighbour of the link (NETDEV_CHANGEADDR).
  const newMac = mac?.toLowerCase() === row.mac ? undefined : mac
  const masterIndex = set.master ? writer.needOurs(netns, set.master).index : 0
  if (newMac !== undefined) checkPassthru(row)
  try {
    const { name: newName, ...attributes } = others
    change(writer, netns, name, { ...attributes, ...(newMac !== undefined && { mac: newMac }) }, row.index, masterIndex)
    if (newName !== undefined) rename(writer, netns, row, newName)
  } finally {
    writer.forgetLinks()
  }
}

/** Before 6.2 the kernel renames no link that is up (IFF_UP, EBUSY): then it goes down for that, and loses its routes. */
function rename(writer: Writer, netns: string, { index, name }: LinkRow, newName: string): void {
  checkName(newName)
  const socket = writer.socket(netns)
  const request = (attrs: LinkAttrs, up?: boolean) => linkRequest(index, attrs, up)
  const refusal = socket.change(request({ ifname: newName }))
  if (refusal === undefined) return
  if (refusal.errno !== ERRNO.EBUSY)
    throw errnoError(refusal.errno, { what: 'link not renamed', on: name }, refusal.message)
  send(writer, netns, name, [request({}, false), request({ ifname: newName }), request({}, true)])
}

/**
 * What cannot be given at birth: the alias, port flags, IPv6, and with it `up`, which would start IPv6. And the MTU of a
 * bridge: one that is born with it still follows its ports (br_mtu_auto_adjust), one that is set to it keeps it.
 */
export function finishLink(writer: Writer, link: Link): void {
  const rest: LinkChanges = {
    ...(link.ipv6 !== undefined && { ipv6: link.ipv6 }),
    ...(link.forwarding !== undefined && { forwarding: link.forwarding }),
    ...(link.strictArp !== undefined && { strictArp: link.strictArp }),
    ...(link.kind === 'bridge' && link.mtu !== undefined && { mtu: link.mtu }),
    ...(link.alias !== undefined && { alias: link.alias }),
    ...(link.port !== undefined && { port: definedOnly(link.port) }),
    ...(link.up === true && { up: true }),
  }
  if (Object.keys(rest).length > 0) change(writer, link.netns, link.name, rest, undefined, 0)
}

function linkRequest(index: number, attrs: LinkAttrs, up?: boolean): Request {
  return {
    type: MessageType.NEWLINK,
    flags: 0,
    payload: toBuffer((out) =>
      formatLinkMessage(
        {
          kind: 'link',
          data: { index, ...(up !== undefined && { flags: up ? { up: true } : {}, change: { up: true } }) },
          attrs,
        },
        out,
      ),
    ),
  }
}

function change(
  writer: Writer,
  netns: string,
  name: string,
  set: LinkChanges,
  index: number | undefined,
  masterIndex: number,
): void {
  const which = index === undefined ? { ifname: name } : {}
  const request = (attrs: LinkAttrs, up?: boolean) => linkRequest(index ?? 0, { ...which, ...attrs }, up)
  const requests: Request[] = []
  if (set.multicastSnooping !== undefined) {
    const data = encodeBridge({ multicastSnooping: set.multicastSnooping })
    requests.push(request({ linkinfo: toBuffer(formatInfo({ kind: 'bridge', data })) }))
  }
  // The kernel sets flags of a port before it sets the master that makes it one.
  if (set.master !== undefined) requests.push(request({ master: masterIndex }))
  const rest: LinkAttrs = {
    ...(set.mtu !== undefined && { mtu: set.mtu }),
    ...(set.mac !== undefined && { address: macBytes(set.mac) }),
    ...(set.alias !== undefined && { ifalias: set.alias }),
    ...(set.port !== undefined && { linkinfo: portInfo(set.port) }),
  }
  const { ipv6, forwarding, strictArp } = set
  // IPv6 is there only with an MTU of 1280 or more, and must be off before `up` starts it.
  const bySysctl = [ipv6, forwarding, strictArp].some((value) => value !== undefined)
  const upNow = bySysctl ? undefined : set.up
  if (Object.keys(rest).length > 0 || upNow !== undefined) requests.push(request(rest, upNow))
  send(writer, netns, name, requests)
  if (!bySysctl) return
  const linkLocal = netns !== FABRIC_NETNS
  writer.namespaces.within(netns, () => {
    if (forwarding !== undefined) setForwarding(name, forwarding)
    if (strictArp !== undefined) setStrictArp(name, strictArp)
    if (ipv6 !== undefined) setIpv6(name, ipv6, linkLocal)
  })
  if (set.up !== undefined) send(writer, netns, name, [request({}, set.up)])
}

/** One after the other: what follows a refused change is not tried. */
function send(writer: Writer, netns: string, name: string, requests: readonly Request[]): void {
  const socket = writer.socket(netns)
  for (const each of requests) {
    const refusal = socket.change(each)
    if (refusal !== undefined) {
      throw errnoError(refusal.errno, { what: 'link not changed', on: name }, refusal.message)
    }
  }
}

/** A passthru macvlan shares the MAC of its parent: to change one is to change the other, which is not ours. */
function checkPassthru(row: LinkRow): void {
  if (row.kind !== 'macvlan' || row.kindData === undefined) return
  const mode = parseMacvlan(row.kindData).mode
  if (mode !== undefined && (mode & MACVLAN_MODE_PASSTHRU) === 0) return
  throw new WeftError('denied', {
    what: 'link not changed',
    on: row.name,
    why: 'a passthru macvlan shares the MAC address of its parent, which is not ours to change',
  })
}

/** The kernel refuses to hear of the flag again, even unchanged ("vxlan: cannot change PROXY flag"). */
function checkProxy(row: LinkRow, wanted: boolean): void {
  if (row.kind === 'vxlan' && row.kindData !== undefined && (parseVxlan(row.kindData).proxy === 1) === wanted) return
  throw new WeftError('unsupported', {
    what: 'link not changed',
    on: row.name,
    why: 'the proxy flag of a vxlan device is fixed at birth',
    remedy: 'remove the device and make it again',
  })
}

function portInfo(port: Readonly<Record<string, boolean>>): Buffer {
  const flag = (value: boolean | undefined) => (value === undefined ? undefined : Number(value))
  const bytes = (value: boolean | undefined) => (value === undefined ? undefined : putU8(Number(value)))
  const slaveData = formatBridgePort(
    definedOnly({
      learning: flag(port.learning),
      unicastFlood: flag(port.flood),
      mcastFlood: bytes(port.multicastFlood),
      bcastFlood: bytes(port.broadcastFlood),
      isolated: bytes(port.isolated),
      mode: flag(port.hairpin),
    }),
  )
  return toBuffer(formatInfo({ slaveKind: 'bridge', slaveData: toBuffer(slaveData) }))
}

function definedOnly<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as never
}
