/** Entries of links (addresses, routes, neighbours, FDB) as requests that can be batched. */
import {
  type FdbEntry,
  type LinkAddress,
  type Neighbour,
  type Op,
  type Route,
  WEFT_ROUTE_PROTOCOL,
  WeftError,
} from '@weft/shared'
import {
  formatAddressMessage,
  formatNeighborMessage,
  formatRouteMessage,
  MessageType,
  type RouteProtocol,
  RouteScope,
  RouteType,
} from 'netlink/dist/rt/structs.js'
import { ERRNO } from '../errno.ts'
import { FLAG, type Request, toBuffer } from '../netlink/message.ts'
import { AF_BRIDGE, addressBytes, familyOf, macBytes } from '../netlink/values.ts'
import type { LinkRow } from '../read/link-row.ts'

export type TableOp = Exclude<
  Op,
  { op: `link-${string}` | `netns-${string}` | `nft-${string}` | `host-${string}` | `flows-${string}` }
>

const SET = FLAG.create | FLAG.replace
const MAIN_TABLE = 254
const ALL_ZERO_MAC = '00:00:00:00:00:00'

export function isTableOp(op: Op): op is TableOp {
  return !/^(link|netns|nft|host|flows)-/.test(op.op)
}

export function isRemoval(op: Op): boolean {
  return op.op.endsWith('-delete')
}

/** The link that the entry belongs to. */
export function linkOfEntry(op: TableOp): { netns: string; link: string } {
  switch (op.op) {
    case 'address-add':
    case 'address-delete':
      return op.address
    case 'route-set':
    case 'route-delete':
      return op.route
    case 'neighbour-set':
    case 'neighbour-delete':
      return op.neighbour
    case 'fdb-set':
    case 'fdb-delete':
      return op.entry
  }
}

/** Error numbers that say "it is gone already" of a removal. */
export function absentErrnos(op: TableOp): readonly number[] {
  switch (op.op) {
    case 'address-delete':
      // ENXIO: IPv6 is off on the link.
      return [ERRNO.EADDRNOTAVAIL, ERRNO.ENODEV, ERRNO.ENXIO]
    case 'route-delete':
      return [ERRNO.ESRCH, ERRNO.ENODEV]
    case 'neighbour-delete':
      return [ERRNO.ENOENT, ERRNO.ENODEV]
    case 'fdb-delete':
      // EOPNOTSUPP: the link is no bridge port (any more), so no bridge has the entry.
      return [ERRNO.ENOENT, ERRNO.ENODEV, ERRNO.EOPNOTSUPP]
    default:
      return []
  }
}

/**
 * The request, or undefined when there is nothing to ask. Throws `invalid` for text that is no address, `unsupported`
 * for a VTEP on what is no vxlan device.
 */
export function tableRequest(op: TableOp, { index, kind }: Pick<LinkRow, 'index' | 'kind'>): Request | undefined {
  if (op.op === 'fdb-delete' && op.entry.vtep !== undefined && kind !== 'vxlan') return undefined
  // Other devices would take the MAC into their receive filter and say nothing (ndo_dflt_fdb_add).
  if (op.op === 'fdb-set' && op.entry.vtep !== undefined && kind !== 'vxlan') {
    throw new WeftError('unsupported', { what: 'link is no vxlan device', on: op.entry.link })
  }
  switch (op.op) {
    case 'address-add':
      return address(MessageType.NEWADDR, SET, op.address, index)
    case 'address-delete':
      return address(MessageType.DELADDR, 0, op.address, index)
    case 'route-set':
      return route(MessageType.NEWROUTE, SET, op.route, index)
    case 'route-delete':
      return route(MessageType.DELROUTE, 0, op.route, index)
    case 'neighbour-set':
      return neighbour(MessageType.NEWNEIGH, SET, op.neighbour, index)
    case 'neighbour-delete':
      return neighbour(MessageType.DELNEIGH, 0, op.neighbour, index)
    case 'fdb-set': {
      // Replacing a multicast or all-zero entry is refused by vxlan; appending one that exists changes nothing.
      const flood = op.entry.mac === ALL_ZERO_MAC && op.entry.vtep !== undefined
      return fdb(MessageType.NEWNEIGH, flood ? FLAG.create | FLAG.append : SET, op.entry, index)
    }
    case 'fdb-delete':
      return fdb(MessageType.DELNEIGH, 0, op.entry, index)
  }
}

function address(type: number, flags: number, entry: LinkAddress, index: number): Request {
  const [text = '', length = ''] = entry.address.split('/')
  const bytes = addressBytes(text)
  const payload = toBuffer((out) =>
    formatAddressMessage(
      {
        kind: 'address',
        // No duplicate address detection: addresses are unique by allocation, and a tentative one is of no use yet.
        data: { family: familyOf(bytes), prefixlen: Number(length), index, flags: { nodad: true } },
        attrs: { local: bytes, address: bytes },
      },
      out,
    ),
  )
  return { type, flags, payload }
}

function route(type: number, flags: number, entry: Route, index: number): Request {
  const [text = '', length = ''] = entry.destination.split('/')
  const bytes = addressBytes(text)
  const payload = toBuffer((out) =>
    formatRouteMessage(
      {
        kind: 'route',
        data: {
          family: familyOf(bytes),
          dstLen: Number(length),
          table: MAIN_TABLE,
          ...(type === MessageType.NEWROUTE
            ? {
                protocol: WEFT_ROUTE_PROTOCOL as RouteProtocol,
                type: RouteType.UNICAST,
                scope: entry.via === undefined && bytes.length === 4 ? RouteScope.LINK : RouteScope.UNIVERSE,
              }
            : { scope: RouteScope.NOWHERE }),
        },
        attrs: {
          ...(length !== '0' && { dst: bytes }),
          ...(entry.via !== undefined && { gateway: addressBytes(entry.via) }),
          oif: index,
        },
      },
      out,
    ),
  )
  return { type, flags, payload }
}

function neighbour(type: number, flags: number, entry: Neighbour, ifindex: number): Request {
  const dst = addressBytes(entry.ip)
  const payload = toBuffer((out) =>
    formatNeighborMessage(
      {
        kind: 'neighbor',
        data: { family: familyOf(dst), ifindex, state: { permanent: true } },
        attrs: { dst, lladdr: macBytes(entry.mac) },
      },
      out,
    ),
  )
  return { type, flags, payload }
}

function fdb(type: number, flags: number, entry: FdbEntry, ifindex: number): Request {
  const { vtep } = entry
  const payload = toBuffer((out) =>
    formatNeighborMessage(
      {
        kind: 'neighbor',
        data: {
          family: AF_BRIDGE,
          ifindex,
          state: vtep === undefined ? { noarp: true } : { noarp: true, permanent: true },
          // A port that learns (the wire's) would take over even a static entry when a frame of the container's comes back.
          flags: vtep === undefined ? { master: true, sticky: true } : { self: true },
        },
        attrs: { lladdr: macBytes(entry.mac), ...(vtep !== undefined && { dst: addressBytes(vtep) }) },
      },
      out,
    ),
  )
  return { type, flags, payload }
}
