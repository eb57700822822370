/** Making a link: one request that creates it with everything the kernel takes at birth, one for the rest. */
import { type Link, WEFT_LINK_GROUP, WeftError } from '@weft/shared'
import { formatInfo } from 'netlink/dist/rt/ifla.js'
import { formatLinkMessage, MessageType } from 'netlink/dist/rt/structs.js'
import { putU32 } from 'netlink/dist/structs.js'
import { ERRNO, errnoError, type Refusal } from '../errno.ts'
import type { LinkOf, MadeKind } from '../kinds/kind.ts'
import { codecOf } from '../kinds/registry.ts'
import { FLAG, toBuffer } from '../netlink/message.ts'
import { macBytes } from '../netlink/values.ts'
import { whatExists } from './conflict.ts'
import { checkName } from './link-name.ts'
import { finishLink } from './set-link.ts'
import type { Writer } from './writer.ts'

/** ETH_MIN_MTU and ETH_MAX_MTU (linux/if_ether.h). */
const MIN_MTU = 68
const MAX_MTU = 65_535

/** Throws `conflict` naming what is in the way, and whatever else the kernel says. */
export function addLink(writer: Writer, link: Link): void {
  if (link.kind === 'other') {
    throw new WeftError('invalid', { what: 'links of this kind are not made', on: link.name })
  }
  checkName(link.name)
  checkMtu(link.mtu)
  const refusal = create(writer, link)
  writer.forgetLinks()
  if (refusal?.errno === ERRNO.EEXIST || refusal?.errno === ERRNO.EADDRINUSE) throw whatExists(writer, link, refusal)
  if (refusal !== undefined) {
    const remedy = refusal.errno === ERRNO.EOPNOTSUPP ? { remedy: 'weft doctor says what the kernel lacks' } : {}
    throw errnoError(refusal.errno, { what: 'link not made', on: link.name, ...remedy }, refusal.message)
  }
  finishLink(writer, link)
}

function create(writer: Writer, link: LinkOf<MadeKind>): Refusal | undefined {
  const codec = codecOf(link.kind)
  const netns = codec.requestNetns(link)
  const lower = codec.lower?.(link)
  const lowerIndex = lower === undefined ? 0 : writer.need(lower.netns, lower.name).index
  const masterIndex = link.master ? writer.needOurs(link.netns, link.master).index : undefined
  const peerNetns = codec.peerNetns?.(link)
  const socket = writer.socket(netns)
  const name = birthName(writer, link, netns)

  const send = (bornIn: number, peerNetnsFd: number) => {
    const data = codec.encode(link, { lowerIndex, peerNetnsFd })
    const payload = toBuffer((out) =>
      formatLinkMessage(
        {
          kind: 'link',
          data: {},
          attrs: {
            ifname: name,
            group: WEFT_LINK_GROUP,
            ...(link.mtu !== undefined && link.kind !== 'bridge' && { mtu: link.mtu }),
            ...(link.mac !== undefined && { address: macBytes(link.mac) }),
            ...(masterIndex !== undefined && { master: masterIndex }),
            ...(lowerIndex !== 0 && codec.lowerInHeader && { link: putU32(lowerIndex) }),
            ...(netns !== link.netns && { netNsFd: bornIn }),
            ...(link.kind === 'veth' && { numTxQueues: 1, numRxQueues: 1 }),
            linkinfo: toBuffer(formatInfo({ kind: link.kind, ...(data !== undefined && { data }) })),
          },
        },
        out,
      ),
    )
    return socket.change({ type: MessageType.NEWLINK, flags: FLAG.create | FLAG.excl, payload })
  }
  const refusal = writer.namespaces.withDescriptor(link.netns, (bornIn) =>
    peerNetns === undefined
      ? send(bornIn, -1)
      : writer.namespaces.withDescriptor(peerNetns, (peerNetnsFd) => send(bornIn, peerNetnsFd)),
  )
  return refusal ?? (name === link.name ? undefined : rename(writer, link, name))
}

/** Not in the way of any name of ours: those go on with a letter and digits. */
const INTERIM_NAME = 'wf-newborn'

/**
 * The name to be born with. Before 6.14 the kernel looks for it in the netns of the request, not in the one of birth: a
 * container's `eth0` is refused (EEXIST) where the host has an `eth0`. Then it is born under an interim one.
 */
function birthName(writer: Writer, link: LinkOf<MadeKind>, requestNetns: string): string {
  if (requestNetns === link.netns || writer.find(requestNetns, link.name) === undefined) return link.name
  // One whose renaming was cut off by our end.
  const stray = writer.find(link.netns, INTERIM_NAME)
  if (stray !== undefined) removeAt(writer, link.netns, stray.index)
  return INTERIM_NAME
}

function rename(writer: Writer, link: LinkOf<MadeKind>, from: string): Refusal | undefined {
  writer.forgetLinks()
  const { index } = writer.need(link.netns, from)
  const payload = toBuffer((out) =>
    formatLinkMessage({ kind: 'link', data: { index }, attrs: { ifname: link.name } }, out),
  )
  const refusal = writer.socket(link.netns).change({ type: MessageType.NEWLINK, flags: 0, payload })
  if (refusal !== undefined) removeAt(writer, link.netns, index)
  return refusal
}

function removeAt(writer: Writer, netns: string, index: number): void {
  const payload = toBuffer((out) => formatLinkMessage({ kind: 'link', data: { index }, attrs: {} }, out))
  const refusal = writer.socket(netns).change({ type: MessageType.DELLINK, flags: 0, payload })
  writer.forgetLinks()
  if (refusal !== undefined)
    throw errnoError(refusal.errno, { what: 'link not removed', on: INTERIM_NAME }, refusal.message)
}

/** Said before anything is made, since a bridge takes its MTU only afterwards. */
function checkMtu(mtu: number | undefined): void {
  if (mtu === undefined || (mtu >= MIN_MTU && mtu <= MAX_MTU)) return
  throw new WeftError('invalid', { what: 'MTU out of range', on: String(mtu), why: `${MIN_MTU} to ${MAX_MTU}` })
}
