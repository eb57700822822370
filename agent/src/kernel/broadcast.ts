/**
 * Ethernet broadcasts of one interface with its own MAC (packet(7)). What a macvlan or an ipvlan sends says nothing of the
 * interface's own frames: a switch may pass the one and not the other.
 */
import { WeftError } from '@weft/shared'
import { ERRNO, errnoError } from './errno.ts'
import { closeDescriptor, openPacketSocket, receiveBytes, sendBytes } from './libc.ts'
import { openNetlink } from './netlink/transport.ts'
import { withinNetns } from './netns.ts'
import { findLink } from './read/link-row.ts'

/** IEEE 802-2014, 9.2.4: for experiments within one network. */
const ETHER_TYPE = 0x88b5
const HEADER_BYTES = 14
/** Without its checksum; shorter frames are padded. */
const LEAST_BYTES = 60
const MOST_BYTES = 1500

export interface Broadcasts {
  /** One frame to everybody on the wire. @throws what the kernel says, such as ENETDOWN */
  readonly send: (payload: Buffer) => void
  /** Payload of the next frame that has come, with padding behind it; undefined when there is none. */
  readonly receive: () => Buffer | undefined
  readonly close: () => void
}

export interface BroadcastPlace {
  readonly name: string
  /** Path of the interface's netns; undefined: that of the main thread. */
  readonly netns?: string
  /** From which frames are to come; undefined: the interface's own. */
  readonly mac?: string
}

/** @throws `not_found` when there is no such interface or netns, what the kernel says when it gives no socket */
export async function openBroadcasts({ name, netns, mac }: BroadcastPlace): Promise<Broadcasts> {
  return netns === undefined ? openHere(name, mac) : await withinNetns(netns, () => openHere(name, mac))
}

function openHere(name: string, mac?: string): Broadcasts {
  using netlink = openNetlink()
  const link = findLink(netlink, name)
  if (link === undefined) throw new WeftError('not_found', { what: 'no such interface', on: name })
  const header = Buffer.alloc(HEADER_BYTES, 0xff)
  Buffer.from((mac ?? link.mac).replaceAll(':', ''), 'hex').copy(header, 6)
  header.writeUInt16BE(ETHER_TYPE, 12)
  const fd = openPacketSocket(ETHER_TYPE, link.index)
  const buffer = Buffer.alloc(MOST_BYTES)
  return {
    send: (payload) => {
      const frame = Buffer.alloc(Math.max(LEAST_BYTES, HEADER_BYTES + payload.length))
      header.copy(frame)
      payload.copy(frame, HEADER_BYTES)
      sendBytes(fd, frame)
    },
    receive: () => {
      const got = receiveBytes(fd, buffer)
      if ('length' in got) return Buffer.from(buffer.subarray(HEADER_BYTES, Math.min(got.length, buffer.length)))
      // ENETDOWN: told once when the interface goes down; frames come again when it is up.
      if (got.errno === ERRNO.EAGAIN || got.errno === ERRNO.ENETDOWN) return undefined
      throw errnoError(got.errno, { what: 'frames cannot be read', on: name })
    },
    close: () => closeDescriptor(fd),
  }
}
