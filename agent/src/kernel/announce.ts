/**
 * Says on the wire where an address is now: an ARP announcement (RFC 5227, 2.3) and an unsolicited neighbour advertisement
 * (RFC 4861, 7.2.6), so that switches and neighbours forget the host that had it before.
 */
import { type Announcement, parseAddress } from '@weft/shared'
import { checksum } from './echo.ts'
import { closeDescriptor, openPacketSocket, sendBytes } from './libc.ts'
import { openNetlink } from './netlink/transport.ts'
import { addressBytes, macBytes } from './netlink/values.ts'
import type { Namespaces } from './netns.ts'
import { findLink } from './read/link-row.ts'

const ETHER_ARP = 0x0806
const ETHER_IPV6 = 0x86dd
const BROADCAST = Buffer.alloc(6, 0xff)
/** RFC 2464, 7: of the group of all nodes, ff02::1. */
const ALL_NODES_MAC = Buffer.from('333300000001', 'hex')
const ALL_NODES = addressBytes('ff02::1')
const NEXT_ICMPV6 = 58

/** Sends each once. What is gone, or down, has nothing to say. */
export function announce(namespaces: Namespaces, { netns, link, addresses }: Announcement): void {
  namespaces.within(netns, () => {
    using netlink = openNetlink()
    const row = findLink(netlink, link)
    if (row === undefined || !row.up) return
    const fd = openPacketSocket(ETHER_ARP, row.index)
    try {
      const mac = macBytes(row.mac)
      for (const address of addresses) {
        const isV4 = parseAddress(address).family === 4
        sendBytes(fd, isV4 ? arpAnnouncement(mac, addressBytes(address)) : advertisement(mac, addressBytes(address)))
      }
    } finally {
      closeDescriptor(fd)
    }
  })
}

/** A whole frame: who has `ip`? Tell `ip`. */
export function arpAnnouncement(mac: Buffer, ip: Uint8Array): Buffer {
  // Ethernet and IPv4, lengths 6 and 4, request.
  const kind = Buffer.from('0001080006040001', 'hex')
  return Buffer.concat([ethernet(BROADCAST, mac, ETHER_ARP), kind, mac, ip, Buffer.alloc(6), ip])
}

/** A whole frame: `ip` is at `mac`, whatever was known before (override). */
export function advertisement(mac: Buffer, ip: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from('8800000020000000', 'hex'), ip, Buffer.from([2, 1]), mac])
  const lengths = Buffer.alloc(8)
  lengths.writeUInt32BE(body.length, 0)
  lengths.writeUInt32BE(NEXT_ICMPV6, 4)
  body.writeUInt16BE(checksum(Buffer.concat([ip, ALL_NODES, lengths, body])), 2)
  const header = Buffer.alloc(8)
  header[0] = 0x60
  header.writeUInt16BE(body.length, 4)
  header[6] = NEXT_ICMPV6
  header[7] = 255
  return Buffer.concat([ethernet(ALL_NODES_MAC, mac, ETHER_IPV6), header, ip, ALL_NODES, body])
}

function ethernet(to: Buffer, from: Buffer, type: number): Buffer {
  const end = Buffer.alloc(2)
  end.writeUInt16BE(type, 0)
  return Buffer.concat([to, from, end])
}
