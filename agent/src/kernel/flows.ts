/**
 * Flows that connection tracking remembers (linux/netfilter/nfnetlink_conntrack.h). A translation is chosen with a flow's
 * first packet and holds as long as packets come: a client that goes on sending UDP from one port would be led for ever to
 * where the port led before, or nowhere when it led nowhere then. Those flows are forgotten; their next packet begins anew.
 * TCP needs none of it: a connection to what is gone ends by itself.
 */
import { parseAttributes } from 'netlink/dist/structs.js'
import { PROTOCOL } from './netlink/channel.ts'
import { attributes, type Request } from './netlink/message.ts'
import { type NetlinkSocket, openNetlink } from './netlink/transport.ts'

/** NFNL_SUBSYS_CTNETLINK << 8, and IPCTNL_MSG_CT_…. */
const SUBSYSTEM = 1 << 8
const GET = SUBSYSTEM | 1
const DELETE = SUBSYSTEM | 2
/** struct nfgenmsg: family, version, resource id. */
const NFGENMSG_BYTES = 4
const FAMILIES = [2, 10] as const
const NESTED = 0x8000
const TYPE_MASK = 0x3fff
const CTA_TUPLE_ORIG = 1
const CTA_TUPLE_PROTO = 2
const CTA_PROTO = { number: 1, destinationPort: 3 } as const
const UDP = 17
const ENOENT = 2

/** Forgets the UDP flows of the calling thread's netns that were sent to one of these ports; how many there were. */
export function forgetUdpFlows(ports: ReadonlySet<number>): number {
  using socket = openNetlink(PROTOCOL.netfilter)
  let forgotten = 0
  for (const family of FAMILIES) {
    for (const tuple of tuplesTo(socket, family, ports)) {
      const payload = Buffer.concat([header(family), attributes([[CTA_TUPLE_ORIG | NESTED, tuple]])])
      const refusal = socket.change({ type: DELETE, flags: 0, payload })
      // Ended by itself in between.
      if (refusal === undefined || refusal.errno === ENOENT) forgotten++
    }
  }
  return forgotten
}

function tuplesTo(socket: NetlinkSocket, family: number, ports: ReadonlySet<number>): Buffer[] {
  const everything: Request = { type: GET, flags: 0, payload: header(family) }
  return socket.dump(everything, ({ data }) => {
    const tuple = listOf(data.subarray(NFGENMSG_BYTES)).get(CTA_TUPLE_ORIG)
    const proto = tuple === undefined ? undefined : listOf(tuple).get(CTA_TUPLE_PROTO)
    if (tuple === undefined || proto === undefined) return undefined
    const fields = listOf(proto)
    const port = fields.get(CTA_PROTO.destinationPort)?.readUInt16BE(0) ?? 0
    return fields.get(CTA_PROTO.number)?.[0] === UDP && ports.has(port) ? Buffer.from(tuple) : undefined
  })
}

function header(family: number): Buffer {
  const bytes = Buffer.alloc(NFGENMSG_BYTES)
  bytes[0] = family
  return bytes
}

function listOf(data: Buffer): Map<number, Buffer> {
  const list = new Map<number, Buffer>()
  parseAttributes(data, ({ type, data: value }) => void list.set(type & TYPE_MASK, value))
  return list
}
