/**
 * Neighbours and FDB entries (RTM_NEWNEIGH). These are the long tables, tens of thousands of entries, read twice a pass,
 * so their few attributes are picked out of the message by hand: the package's parser makes an object and a closure per
 * attribute and costs two to three times the dump itself (measured on 10,000 entries).
 */
import type { FdbEntry, Neighbour } from '@weft/shared'
import { formatNeighborMessage, MessageType } from 'netlink/dist/rt/structs.js'
import { type Request, toBuffer } from '../netlink/message.ts'
import type { NetlinkSocket } from '../netlink/transport.ts'
import { AF_BRIDGE, addressText, macText } from '../netlink/values.ts'

const NUD_NOARP = 0x40
const NUD_PERMANENT = 0x80
const NTF_SELF = 0x02
const NDA_DST = 1
const NDA_LLADDR = 2
const NDA_VLAN = 5
const NDA_MASTER = 9
/** struct ndmsg: family, padding, index, state, flags, type. */
const NDMSG_BYTES = 12

function everything(family: number): Request {
  const payload = toBuffer((out) => formatNeighborMessage({ kind: 'neighbor', data: { family }, attrs: {} }, out))
  return { type: MessageType.GETNEIGH, flags: 0, payload }
}
const ALL_NEIGHBOURS = everything(0)
const ALL_FDB = everything(AF_BRIDGE)

type NameOf = (index: number) => string | undefined

/** Permanent neighbours on the links that `nameOf` names. */
export function dumpNeighbours(socket: NetlinkSocket, netns: string, nameOf: NameOf): Neighbour[] {
  return socket.dump(ALL_NEIGHBOURS, ({ data }) => {
    const link = (data.readUInt16LE(8) & NUD_PERMANENT) === 0 ? undefined : nameOf(data.readInt32LE(4))
    const ip = link === undefined ? undefined : attribute(data, NDA_DST)
    const mac = ip === undefined ? undefined : attribute(data, NDA_LLADDR)
    if (link === undefined || ip === undefined || mac?.length !== 6) return undefined
    return { netns, link, ip: addressText(ip), mac: macText(mac) }
  })
}

/**
 * Static entries: on the vxlan devices that `vxlanOf` names (self, with a VTEP), and on the bridge ports that `portOf`
 * names (master). A bridge keeps the addresses of its own ports as permanent entries: those are not static ones.
 */
export function dumpFdb(socket: NetlinkSocket, netns: string, vxlanOf: NameOf, portOf: NameOf): FdbEntry[] {
  return socket.dump(ALL_FDB, ({ data }) => {
    const index = data.readInt32LE(4)
    const state = data.readUInt16LE(8)
    const self = ((data[10] ?? 0) & NTF_SELF) !== 0
    if (self ? (state & (NUD_PERMANENT | NUD_NOARP)) === 0 : (state & NUD_NOARP) === 0) return undefined
    const link = self ? vxlanOf(index) : portOf(index)
    const mac = link === undefined ? undefined : attribute(data, NDA_LLADDR)
    if (link === undefined || mac?.length !== 6) return undefined
    if (!self) {
      const ofBridge = attribute(data, NDA_MASTER) !== undefined && attribute(data, NDA_VLAN) === undefined
      return ofBridge ? { netns, link, mac: macText(mac) } : undefined
    }
    const vtep = attribute(data, NDA_DST)
    return vtep === undefined ? undefined : { netns, link, mac: macText(mac), vtep: addressText(vtep) }
  })
}

/** The value of the first attribute of that type. */
function attribute(data: Buffer, wanted: number): Buffer | undefined {
  for (let offset = NDMSG_BYTES; offset + 4 <= data.length; ) {
    const length = data.readUInt16LE(offset)
    if (length < 4) return undefined
    if ((data.readUInt16LE(offset + 2) & 0x3fff) === wanted) return data.subarray(offset + 4, offset + length)
    offset += (length + 3) & ~3
  }
  return undefined
}
