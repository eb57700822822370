/** Routes (RTM_NEWROUTE) of the main table. */
import { type Route, WEFT_ROUTE_PROTOCOL } from '@weft/shared'
import { formatRouteMessage, MessageType, parseRouteMessage } from 'netlink/dist/rt/structs.js'
import { type Request, toBuffer } from '../netlink/message.ts'
import type { NetlinkSocket } from '../netlink/transport.ts'
import { AF_INET6, addressText } from '../netlink/values.ts'

const MAIN_TABLE = 254

const EVERYTHING: Request = {
  type: MessageType.GETROUTE,
  flags: 0,
  payload: toBuffer((out) => formatRouteMessage({ kind: 'route', data: {}, attrs: {} }, out)),
}

export interface RouteRow {
  /** CIDR. */
  readonly destination: string
  readonly via: string | undefined
  /** 0 for a route over several next hops. */
  readonly linkIndex: number
  /** Made by the kernel itself, of an address. */
  readonly ofKernel: boolean
  readonly owned: boolean
}

/** Unicast routes of the main table; clones in a cache and those of one host's own addresses are in other tables. */
export function dumpRoutes(socket: NetlinkSocket): RouteRow[] {
  return socket.dump(EVERYTHING, (message) => {
    const { data, attrs } = parseRouteMessage(message.data)
    // The package reads these two as the names of the numbers, though its types allow both.
    if ((attrs.table ?? data.table) !== MAIN_TABLE || data.type !== 'UNICAST' || data.flags?.cloned) {
      return undefined
    }
    const all = data.family === AF_INET6 ? '::' : '0.0.0.0'
    return {
      destination: `${attrs.dst === undefined ? all : addressText(attrs.dst)}/${data.dstLen ?? 0}`,
      via: attrs.gateway === undefined ? undefined : addressText(attrs.gateway),
      linkIndex: attrs.oif ?? 0,
      ofKernel: data.protocol === 'KERNEL',
      // A number without a name stays one.
      owned: Number(data.protocol) === WEFT_ROUTE_PROTOCOL,
    }
  })
}

/** Routes as HostState has them: over links that `nameOf` names, those that the kernel made left out. */
export function readRoutes(
  socket: NetlinkSocket,
  netns: string,
  nameOf: (index: number) => string | undefined,
): Route[] {
  return dumpRoutes(socket).flatMap(({ destination, via, linkIndex, ofKernel, owned }) => {
    const link = nameOf(linkIndex)
    if (link === undefined || ofKernel) return []
    return [{ netns, link, destination, ...(via !== undefined && { via }), owned }]
  })
}
