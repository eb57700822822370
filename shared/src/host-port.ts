/** `HOST:PORT` as flags and files take it: IPv4, `[IPv6]` or a name. */
import { WeftError } from './errors.ts'

export interface HostPort {
  /** Without brackets. */
  readonly host: string
  readonly port: number
}

/** @throws `invalid` for anything else. */
export function parseHostPort(text: string): HostPort {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]+)):(\d{1,5})$/.exec(text)
  const host = match?.[1] ?? match?.[2]
  const port = Number(match?.[3])
  if (host !== undefined && port <= 65_535) return { host, port }
  throw new WeftError('invalid', {
    what: 'not an address to listen on',
    on: text,
    why: 'HOST:PORT is wanted',
    remedy: 'give for instance 127.0.0.1:7474 or [::1]:7474',
  })
}

export function formatHostPort({ host, port }: HostPort): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}
