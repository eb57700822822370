/** Addresses of links (RTM_NEWADDR). */
import type { LinkAddress } from '@weft/shared'
import { formatAddressMessage, MessageType, parseAddressMessage } from 'netlink/dist/rt/structs.js'
import { type Request, toBuffer } from '../netlink/message.ts'
import type { NetlinkSocket } from '../netlink/transport.ts'
import { addressText } from '../netlink/values.ts'

const EVERYTHING: Request = {
  type: MessageType.GETADDR,
  flags: 0,
  payload: toBuffer((out) => formatAddressMessage({ kind: 'address', data: {}, attrs: {} }, out)),
}

/** Addresses of the links that `nameOf` names, link-local ones (fe80::/10, 169.254.0.0/16) left out. */
export function dumpAddresses(
  socket: NetlinkSocket,
  netns: string,
  nameOf: (index: number) => string | undefined,
): LinkAddress[] {
  return socket.dump(EVERYTHING, (message) => {
    const { data, attrs } = parseAddressMessage(message.data)
    const link = nameOf(data.index ?? 0)
    const bytes = attrs.local ?? attrs.address
    if (link === undefined || bytes === undefined || isLinkLocal(bytes)) return undefined
    return { netns, link, address: `${addressText(bytes)}/${data.prefixlen ?? 0}` }
  })
}

function isLinkLocal(bytes: Uint8Array): boolean {
  const [first = 0, second = 0] = bytes
  return bytes.length === 4 ? first === 169 && second === 254 : first === 0xfe && (second & 0xc0) === 0x80
}
