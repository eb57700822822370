/** ICMP echo (RFC 792, RFC 4443): which addresses answer. The kernel answers for a host whose agent is dead. */
import { setTimeout as delay } from 'node:timers/promises'
import { parseAddress } from '@weft/shared'
import { closeDescriptor, openEchoSocket, receiveBytes, sendBytes } from './libc.ts'
import { addressBytes } from './netlink/values.ts'
import { withinNetns } from './netns.ts'

const REQUEST = { 4: 8, 6: 128 } as const
const REPLY = { 4: 0, 6: 129 } as const
const MESSAGE_BYTES = 16
/** A lost packet is no dead host. */
const SEND_EVERY_MS = 90
const LOOK_EVERY_MS = 10
const MOST_BYTES = 2048

let sequence = 0

/**
 * Those that answer within the time. What has arrived by then counts, however late this process comes to look.
 * An address that cannot be reached at all counts as silent.
 * @param netns from where it is asked; that of the main thread when left out. @throws `not_found` when it is gone
 */
export async function whoAnswers(addresses: readonly string[], withinMs: number, netns?: string): Promise<string[]> {
  const openAll = () => addresses.map((address) => open(address))
  const asked = netns === undefined ? openAll() : await withinNetns(netns, openAll)
  const began = performance.now()
  let sentAt = Number.NEGATIVE_INFINITY
  try {
    for (;;) {
      const now = performance.now()
      const isOver = now - began >= withinMs
      for (const each of asked) each.answered ||= hears(each)
      const waiting = asked.filter(({ answered, fd }) => !answered && fd !== undefined)
      if (isOver || waiting.length === 0) return asked.flatMap(({ answered, address }) => (answered ? address : []))
      if (now - sentAt >= SEND_EVERY_MS) {
        for (const each of waiting) ask(each)
        sentAt = now
      }
      await delay(LOOK_EVERY_MS)
    }
  } finally {
    for (const { fd } of asked) if (fd !== undefined) closeDescriptor(fd)
  }
}

interface Asked {
  readonly address: string
  readonly family: 4 | 6
  /** Undefined without a route there. */
  readonly fd: number | undefined
  readonly id: number
  answered: boolean
}

function open(address: string): Asked {
  const { family } = parseAddress(address)
  sequence = (sequence + 1) & 0xffff
  const about = { address, family, id: (process.pid ^ (sequence << 3)) & 0xffff, answered: false }
  try {
    return { ...about, fd: openEchoSocket(family, addressBytes(address)) }
  } catch {
    // Connecting such a socket asks the routing table only: there is no way there.
    return { ...about, fd: undefined }
  }
}

function ask({ fd, family, id }: Asked): void {
  sequence = (sequence + 1) & 0xffff
  try {
    if (fd !== undefined) sendBytes(fd, echoRequest(family, id, sequence))
  } catch {
    // No answer from the neighbour below (EHOSTUNREACH), or a firewall: silence is what is reported.
  }
}

function hears({ fd, family, id }: Asked): boolean {
  if (fd === undefined) return false
  const buffer = Buffer.alloc(MOST_BYTES)
  for (;;) {
    const got = receiveBytes(fd, buffer)
    if ('errno' in got) return false
    if (isReply(family, buffer.subarray(0, Math.min(got.length, MOST_BYTES)), id)) return true
  }
}

/** With its checksum; the kernel makes that of IPv6 itself, over the pseudo-header, too. */
export function echoRequest(family: 4 | 6, id: number, number: number): Buffer {
  const message = Buffer.alloc(MESSAGE_BYTES)
  message[0] = REQUEST[family]
  message.writeUInt16BE(id, 4)
  message.writeUInt16BE(number, 6)
  if (family === 4) message.writeUInt16BE(checksum(message), 2)
  return message
}

/** A raw socket of IPv4 gives the IP header, too (raw(7)). */
export function isReply(family: 4 | 6, packet: Buffer, id: number): boolean {
  const header = family === 4 ? ((packet[0] ?? 0) & 0x0f) * 4 : 0
  if (packet.length < header + 8) return false
  return packet[header] === REPLY[family] && packet.readUInt16BE(header + 4) === id
}

/** The Internet checksum (RFC 1071) of an even number of bytes. */
export function checksum(bytes: Buffer): number {
  let sum = 0
  for (let at = 0; at + 1 < bytes.length; at += 2) sum += bytes.readUInt16BE(at)
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return ~sum & 0xffff
}
