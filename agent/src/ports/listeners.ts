/**
 * Who listens on the host's own ports, as /proc/net tells (proc(5), net/ipv4/tcp_ipv4.c: addresses are words in host
 * order). What listens on loopback only is in nobody's way: no port is published there.
 */
import { readdir, readFile, readlink } from 'node:fs/promises'
import { addressToHex, type HostPortClaim, type Protocol, parseAddress } from '@weft/shared'

export interface Listener {
  readonly protocol: Protocol
  readonly port: number
  /** The address in hex as the kernel writes it, bytes in network order; all zeros for any. */
  readonly address: string
  readonly inode: string
}

const TABLES = [
  { file: '/proc/self/net/tcp', protocol: 'tcp' },
  { file: '/proc/self/net/tcp6', protocol: 'tcp' },
  { file: '/proc/self/net/udp', protocol: 'udp' },
  { file: '/proc/self/net/udp6', protocol: 'udp' },
] as const
/** TCP_LISTEN, and TCP_CLOSE, which is what an unconnected UDP socket says. */
const WAITING = { tcp: '0A', udp: '07' } as const
const LOOPBACK = /^(7f.{6}|0{31}1|0{20}ffff7f.{6})$/
const ANY = /^0+$/

/** Everything that waits for strangers in the netns of the process. */
export async function listeners(): Promise<Listener[]> {
  const texts = await Promise.all(TABLES.map(async ({ file, protocol }) => parseTable(await textOf(file), protocol)))
  return texts.flat().filter(({ address }) => !LOOPBACK.test(address))
}

export function parseTable(text: string, protocol: Protocol): Listener[] {
  return text
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      const [, local = '', , state, , , , , , inode = ''] = line.trim().split(/\s+/)
      const [words = '', port = ''] = local.split(':')
      if (state !== WAITING[protocol] || port === '') return []
      return [{ protocol, port: Number.parseInt(port, 16), address: networkOrder(words), inode }]
    })
}

/** True when the listener has what the claim wants. */
export function stands({ address, port, protocol }: Listener, claim: HostPortClaim): boolean {
  if (port !== claim.port || protocol !== claim.protocol) return false
  return claim.ip === undefined || ANY.test(address) || address === hexOf(claim.ip) || address === mapped(claim.ip)
}

/** `process nginx (pid 12)`, or what is known when it is gone or another's. */
export async function ownerOf({ inode }: Listener): Promise<string> {
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const names = await orNothing(readdir(`/proc/${pid}/fd`), [])
    for (const name of names) {
      if ((await orNothing(readlink(`/proc/${pid}/fd/${name}`), '')) !== `socket:[${inode}]`) continue
      const program = (await orNothing(readFile(`/proc/${pid}/comm`, 'utf8'), '')).trim()
      return `process ${program || '?'} (pid ${pid})`
    }
  }
  return 'a process'
}

function networkOrder(words: string): string {
  const swapped = words.match(/.{8}/g)?.map((word) => (word.match(/../g) ?? []).reverse().join(''))
  return (swapped ?? []).join('').toLowerCase()
}

function hexOf(ip: string): string {
  return addressToHex(parseAddress(ip))
}

/** IPv4 as an IPv6 socket has it. */
function mapped(ip: string): string {
  return ip.includes(':') ? hexOf(ip) : `${'0'.repeat(20)}ffff${hexOf(ip)}`
}

async function textOf(file: string): Promise<string> {
  // A kernel without IPv6 has no table of it.
  return await orNothing(readFile(file, 'utf8'), '')
}

/** For what is gone, or was never there. */
async function orNothing<T>(reading: Promise<T>, otherwise: T): Promise<T> {
  try {
    return await reading
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ESRCH' || code === 'EACCES' || code === 'EINVAL') return otherwise
    throw error
  }
}
