/** By which addresses and interfaces this machine and others reach each other. */
import dgram from 'node:dgram'
import os from 'node:os'
import { WeftError } from '@weft/shared'

export interface OwnAddress {
  readonly link: string
  readonly address: string
}

/** Links of Docker and of Weft, by which no other host is reached. */
const INNER_LINK = /^(docker|br-|veth|wf|virbr|lxc)/
/** TEST-NET-1 (RFC 5737): nothing is sent, the kernel only says by which address it would be. */
const ANYWHERE = '192.0.2.1'

/** Addresses at which others may reach this machine. */
export function ownAddresses(): OwnAddress[] {
  return Object.entries(os.networkInterfaces()).flatMap(([link, infos = []]) =>
    infos
      .filter(({ internal, address }) => !internal && !INNER_LINK.test(link) && !/^(fe80:|169\.254\.)/i.test(address))
      .map(({ address }) => ({ link, address })),
  )
}

/** The link that has an address; undefined when this machine has not got it. */
export function linkOf(address: string): string | undefined {
  const entries = Object.entries(os.networkInterfaces())
  return entries.find(([, infos = []]) => infos.some((info) => info.address === address))?.[0]
}

/**
 * The address from which this machine would speak to that host, a name or an address; undefined when there is no route.
 * Connecting a UDP socket asks the routing table and sends nothing (connect(2)).
 */
export async function sourceAddressTo(host: string): Promise<string | undefined> {
  const socket = dgram.createSocket(host.includes(':') ? 'udp6' : 'udp4')
  try {
    return await new Promise<string | undefined>((resolve, reject) => {
      socket.once('error', (error: NodeJS.ErrnoException) => {
        if (['ENETUNREACH', 'EHOSTUNREACH', 'EADDRNOTAVAIL'].includes(error.code ?? '')) resolve(undefined)
        else reject(error)
      })
      socket.connect(9, host, () => resolve(socket.address().address))
    })
  } finally {
    socket.close()
  }
}

/**
 * The address at which other hosts reach this machine: the default route's, else the only one that there is.
 * @throws `invalid` when there are several to choose from, `unavailable` when there is none
 */
export async function advertisedAddress(): Promise<string> {
  const own = ownAddresses()
  const routed = await sourceAddressTo(ANYWHERE)
  if (own.some(({ address }) => address === routed) && routed !== undefined) return routed
  const candidates = own.some(({ address }) => !address.includes(':'))
    ? own.filter(({ address }) => !address.includes(':'))
    : own
  const [only, ...others] = candidates
  if (only === undefined)
    throw new WeftError('unavailable', {
      what: 'no address for other hosts',
      why: 'every interface of this machine is down, without an address, or Docker’s',
      remedy: 'give one: weft controller init --listen ADDR:7474',
    })
  if (others.length === 0) return only.address
  throw new WeftError('invalid', {
    what: 'several addresses and no default route',
    on: candidates.map(({ link, address }) => `${address} (${link})`).join(', '),
    remedy: `choose one: weft controller init --listen ${only.address}:7474`,
  })
}
