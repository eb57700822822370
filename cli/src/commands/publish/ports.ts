/** Ports as people write them. Throws `invalid` with the text, the rule and the remedy. */
import { IpText, type Protocol, Protocol as Protocols, parseWith } from '@weft/shared'
import { bad, withFlag } from '../flags.ts'

const REMEDY = 'write it like 8080:80, 53:53/udp or 10.0.0.5:8080:80'

export interface PortPair {
  readonly hostIp?: string
  readonly hostPort: number
  readonly port: number
  readonly protocol: Protocol
}

/** `[IP:]HOSTPORT:PORT[/PROTOCOL]`; an IPv6 address in brackets. `ip` is that of --ip. */
export function parsePortPair(text: string, ip: string | undefined): PortPair {
  const [ports = '', protocol] = splitProtocol(text)
  const match = /^(?:(\[[^\]]*\]|[^:[\]]+):)?([^:]+):([^:]+)$/.exec(ports)
  if (match === null) throw bad('port', text, 'it must be [IP:]HOSTPORT:PORT[/PROTOCOL]', REMEDY)
  const [, address, hostPort = '', port = ''] = match
  if (address !== undefined && ip !== undefined)
    throw bad('port', text, 'it has an address, and so has --ip', 'give one')
  const given = address?.replace(/^\[|\]$/g, '') ?? ip
  const hostIp = given === undefined ? undefined : withFlag('--ip', () => parseWith(IpText, given, 'address'))
  return {
    ...(hostIp === undefined ? {} : { hostIp }),
    hostPort: parsePort(text, hostPort),
    port: parsePort(text, port),
    protocol,
  }
}

/** `HOSTPORT[/PROTOCOL]`; any protocol where none is given. */
export function parseHostPort(text: string): { readonly hostPort: number; readonly protocol?: Protocol } {
  const [port, protocol] = splitProtocol(text)
  return { hostPort: parsePort(text, port), ...(text.includes('/') ? { protocol } : {}) }
}

function splitProtocol(text: string): [ports: string, protocol: Protocol] {
  const [ports = '', word = 'tcp', ...rest] = text.split('/')
  const protocol = Protocols.safeParse(word)
  if (protocol.success && rest.length === 0) return [ports, protocol.data]
  throw bad('port', text, 'behind the slash is tcp or udp', REMEDY)
}

function parsePort(text: string, digits: string): number {
  const port = /^[1-9]\d{0,4}$/.test(digits) ? Number(digits) : 0
  if (port >= 1 && port <= 65_535) return port
  const why = digits.includes('-') ? 'ranges are not taken: give each port' : 'a port is a number from 1 to 65535'
  throw bad('port', text, why, REMEDY)
}
