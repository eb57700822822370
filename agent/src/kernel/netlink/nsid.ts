/** Numbers by which one netns knows another (RTM_NEWNSID, RTM_GETNSID; linux/net_namespace.h). */
import { putU32 } from 'netlink/dist/structs.js'
import { ERRNO, errnoError } from '../errno.ts'
import { attributes } from './message.ts'
import type { NetlinkSocket } from './transport.ts'

const RTM_NEWNSID = 88
const RTM_GETNSID = 90
const NETNSA_NSID = 1
const NETNSA_FD = 3
const NOT_ASSIGNED = -1
/** struct rtgenmsg: the family, padded. */
const HEADER = Buffer.alloc(4)

/** The number by which the socket's netns knows the one behind the descriptor, or undefined. */
export function nsidOf(socket: NetlinkSocket, fd: number): number | undefined {
  const payload = Buffer.concat([HEADER, attributes([[NETNSA_FD, putU32(fd)]])])
  const id = socket.get(
    { type: RTM_GETNSID, flags: 0, payload },
    // struct rtgenmsg, then NETNSA_NSID as the first attribute.
    ({ data }) => data.readInt32LE(8),
    [],
  )
  return id === undefined || id === NOT_ASSIGNED ? undefined : id
}

/**
 * Gives the netns behind the descriptor a number in the socket's netns, so that its events reach listeners on all
 * numbered namespaces there. The number goes with the netns and does not keep it alive.
 */
export function assignNsid(socket: NetlinkSocket, fd: number): void {
  const id = Buffer.alloc(4)
  id.writeInt32LE(NOT_ASSIGNED)
  const payload = Buffer.concat([
    HEADER,
    attributes([
      [NETNSA_NSID, id],
      [NETNSA_FD, putU32(fd)],
    ]),
  ])
  const refusal = socket.change({ type: RTM_NEWNSID, flags: 0, payload })
  if (refusal !== undefined && refusal.errno !== ERRNO.EEXIST) {
    throw errnoError(refusal.errno, { what: 'network namespace cannot be watched' }, refusal.message)
  }
}
