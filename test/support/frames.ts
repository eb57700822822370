/**
 * Ethernet frames by hand, and how a process with CAP_NET_RAW sends them: a raw socket in perl, which every Debian has
 * (perl-base), and which needs no module for it. What a hook at egress drops is refused to the sender (105, ENOBUFS).
 */
import { addressToHex, parseAddress } from '@weft/shared'

type Run = (...argv: string[]) => unknown

const macBytes = (mac: string) => Buffer.from(mac.replaceAll(':', ''), 'hex')
const ipBytes = (ip: string) => Buffer.from(addressToHex(parseAddress(ip)), 'hex')
const word = (value: number) => Buffer.from([value >> 8, value & 0xff])

export function ether(to: string, from: string, type: number, payload: Buffer): Buffer {
  return Buffer.concat([macBytes(to), macBytes(from), word(type), payload])
}

/** IEEE 802.1Q: the tag goes between source and type. */
export function vlanTagged(frame: Buffer, id: number): Buffer {
  return Buffer.concat([frame.subarray(0, 12), word(0x8100), word(id), frame.subarray(12)])
}

/** RFC 826, a request. */
export function arp(to: string, from: string, sender: { mac: string; ip: string }, target: string): Buffer {
  const head = Buffer.from('0001080006040001', 'hex')
  const body = [macBytes(sender.mac), ipBytes(sender.ip), Buffer.alloc(6), ipBytes(target)]
  return ether(to, from, 0x0806, Buffer.concat([head, ...body]))
}

export function ipv4(from: string, to: string, protocol: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(20)
  header.set([0x45, 0])
  header.writeUInt16BE(20 + payload.length, 2)
  header.set([64, protocol], 8)
  header.set(ipBytes(from), 12)
  header.set(ipBytes(to), 16)
  header.writeUInt16BE(checksum(header), 10)
  return Buffer.concat([header, payload])
}

export function ipv6(from: string, to: string, next: number, payload: Buffer, hops = 255): Buffer {
  const header = Buffer.alloc(8)
  header.set([0x60])
  header.writeUInt16BE(payload.length, 4)
  header.set([next, hops], 6)
  return Buffer.concat([header, ipBytes(from), ipBytes(to), payload])
}

/** Without a checksum, which IPv4 allows and no hook looks at. */
export function udp(from: number, to: number, text = 'weft'): Buffer {
  const payload = Buffer.from(text)
  return Buffer.concat([word(from), word(to), word(8 + payload.length), word(0), payload])
}

/** Neighbour discovery (RFC 4861): 133 to 137, with a target where the type has one. */
export function nd(
  to: { mac: string; ip: string },
  from: { mac: string; ip6: string },
  type: number,
  target: string,
): Buffer {
  return icmp6(to, from, Buffer.concat([Buffer.from([type, 0, 0, 0, 0, 0, 0, 0]), ipBytes(target)]))
}

/** A router to everybody (RFC 4861 sections 4.2 and 4.6.2): make yourselves addresses of this /64, and send by me. */
export function routerAdvertisement(from: { mac: string; ip6: string }, prefix: string): Buffer {
  const router = Buffer.from('86000000400007080000000000000000', 'hex')
  const option = Buffer.from('030440c000000e100000070800000000', 'hex')
  const everybody = { mac: '33:33:00:00:00:01', ip: 'ff02::1' }
  return icmp6(everybody, from, Buffer.concat([router, option, ipBytes(prefix)]))
}

function icmp6(to: { mac: string; ip: string }, from: { mac: string; ip6: string }, message: Buffer): Buffer {
  const pseudo = Buffer.concat([ipBytes(from.ip6), ipBytes(to.ip), Buffer.from([0, 0, 0, message.length, 0, 0, 0, 58])])
  message.writeUInt16BE(checksum(Buffer.concat([pseudo, message])), 2)
  return ether(to.mac, from.mac, 0x86dd, ipv6(from.ip6, to.ip, 58, message))
}

/** RFC 1071. */
function checksum(bytes: Buffer): number {
  let sum = 0
  for (let index = 0; index < bytes.length; index += 2) sum += (bytes[index] ?? 0) * 256 + (bytes[index + 1] ?? 0)
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return ~sum & 0xffff
}

/** PF_PACKET, SOCK_RAW; struct sockaddr_ll; SOL_PACKET, PACKET_QDISC_BYPASS. */
const SEND = `
my ($if, $protocol, $bypass, @frames) = @ARGV;
my $index = \`ip -o link show dev $if\`; $index =~ s/:.*//s;
socket my $socket, 17, 3, 0 or die "socket: $!";
setsockopt $socket, 263, 20, 1 or die "bypass: $!" if $bypass;
for (@frames) {
  my $frame = pack 'H*', $_;
  send $socket, $frame, 0, pack 'SnlSCCa8', 17, $protocol, $index, 0, 0, 6, substr($frame, 0, 6) or $! == 105 or die "send: $!";
}
`

export interface Sending {
  /** What the sender calls the frames, where that is not what they are. */
  readonly protocol?: number | undefined
  /** PACKET_QDISC_BYPASS. */
  readonly bypass?: boolean
}

/** Arguments of a program that sends the frames out of the interface, one after the other. */
export function sendArgv(
  link: string,
  frames: readonly Buffer[],
  { protocol = 0, bypass = false }: Sending = {},
): string[] {
  return [
    'perl',
    '-e',
    SEND,
    link,
    String(protocol),
    bypass ? '1' : '',
    ...frames.map((frame) => frame.toString('hex')),
  ]
}

export function sendFrames(run: Run, link: string, frames: readonly Buffer[], how?: Sending): void {
  run(...sendArgv(link, frames, how))
}
