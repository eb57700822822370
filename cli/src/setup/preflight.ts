/** What must hold before a host joins: each check says why it fails and what mends it. */
import http from 'node:http'
import { type JoinInfo, parseHostPort, WeftError } from '@weft/shared'
import { type Client, createClient } from '../client/client.ts'
import { linkOf, ownAddresses, sourceAddressTo } from './addresses.ts'
import { fetchPinnedCa } from './pinned-ca.ts'

const ANSWER_MS = 5_000

/** @throws `denied` unless we are root */
export function checkRoot(uid: number | undefined): void {
  if (uid === 0) return
  const why = 'the agent’s configuration and its unit are root’s'
  throw new WeftError('denied', { what: 'not root', why, remedy: 'repeat it with sudo in front' })
}

/** The version of the Docker engine that answers. @throws `unavailable` */
export async function dockerVersion(socketPath: string): Promise<string> {
  const fail = (why: string, remedy: string, cause?: unknown) =>
    new WeftError('unavailable', { what: 'Docker does not answer', on: socketPath, why, remedy, cause })
  return await new Promise((resolve, reject) => {
    const request = http.get({ socketPath, path: '/version', timeout: ANSWER_MS }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk
      })
      response.on('end', () => {
        const version = /"Version":"([^"]+)"/.exec(text)?.[1]
        if (version === undefined) reject(fail('the answer is not an engine’s', 'name its socket with --docker'))
        else resolve(version)
      })
    })
    request.on('timeout', () => request.destroy(new Error(`no answer within ${ANSWER_MS} ms`)))
    request.on('error', (cause: NodeJS.ErrnoException) => {
      const absent = cause.code === 'ENOENT'
      const remedy = absent
        ? 'install it (apt-get install docker.io), or name its socket with --docker'
        : 'systemctl start docker'
      reject(fail(absent ? 'the socket does not exist (ENOENT)' : cause.message, remedy, cause))
    })
  })
}

export interface Reached {
  /** The controller that answered, `HOST:PORT`. */
  readonly controller: string
  /** PEM. */
  readonly ca: string
  readonly client: Client
  readonly version: string
}

/**
 * Asks the controllers of the join string in turn: its CA is the pinned one, its certificate is of that CA and for the
 * address, and it takes the secret.
 * @throws `denied` as soon as one is not who it should be, `unavailable` with all that was tried
 */
export async function reachController(join: JoinInfo): Promise<Reached> {
  const failures: WeftError[] = []
  for (const controller of join.controllers) {
    try {
      const ca = await fetchPinnedCa(parseHostPort(controller), join.caPin, ANSWER_MS)
      const url = new URL(`https://${controller}`)
      const client = createClient({ address: { kind: 'http', url }, secret: join.secret, ca })
      const { version } = await client.call('version', {}, ANSWER_MS)
      return { controller, ca, client, version }
    } catch (thrown) {
      failures.push(WeftError.from(thrown))
    }
  }
  const [first, ...others] = failures
  if (first === undefined || others.length === 0)
    throw first ?? new WeftError('invalid', { what: 'no controller named' })
  const why = failures.map(({ message }) => message).join('\n')
  throw new WeftError(first.code, { what: 'no controller can be joined', on: join.controllers.join(', '), why })
}

/**
 * Whether this host may have that id: nobody has it, we have it already, or who had it is not alive and had our address.
 * @throws `conflict`
 */
export async function checkIdFree(client: Client, id: string, own: { readonly joined: boolean }): Promise<void> {
  const hosts = await client.call('hostList', {})
  const holder = hosts.find((host) => host.id === id)
  const ours = ownAddresses().some(({ address }) => address === holder?.facts.underlay.address)
  if (holder === undefined || own.joined || (ours && !holder.alive)) return
  throw new WeftError('conflict', {
    what: 'the name is taken',
    on: id,
    why: `a host of that name, ${holder.facts.underlay.address}, joined ${holder.joinedAt} and is ${holder.alive ? 'alive' : 'not alive'}`,
    remedy: 'give this one another: weft join … --id NAME',
  })
}

export interface Underlay {
  readonly underlay: string
  /** Only when an address was asked for by name. */
  readonly vtep?: string
  /** What is shown. */
  readonly address: string
}

/** The interface that carries the traffic between hosts. @throws `invalid` with those that there are */
export async function chooseUnderlay(wanted: string | undefined, controller: string): Promise<Underlay> {
  const own = ownAddresses()
  if (wanted === undefined) {
    const address = await sourceAddressTo(parseHostPort(controller).host)
    const underlay = address === undefined ? undefined : linkOf(address)
    if (address !== undefined && underlay !== undefined && underlay !== 'lo') return { underlay, address }
    throw noUnderlay(`the way to ${controller}`, 'it leads through no interface with an address that others reach', own)
  }
  const byAddress = own.find(({ address }) => address === wanted)
  if (byAddress !== undefined) return { underlay: byAddress.link, vtep: wanted, address: wanted }
  const byLink =
    own.find(({ link, address }) => link === wanted && !address.includes(':')) ??
    own.find(({ link }) => link === wanted)
  if (byLink !== undefined) return { underlay: wanted, address: byLink.address }
  throw noUnderlay(wanted, 'it is neither an interface that is up and has an address, nor such an address', own)
}

function noUnderlay(on: string, why: string, own: readonly { link: string; address: string }[]): WeftError {
  const choice = own.map(({ link, address }) => `${link} (${address})`).join(', ')
  const remedy = choice === '' ? 'give an interface an address' : `choose one with --underlay: ${choice}`
  return new WeftError('invalid', { what: 'no underlay', on, why, remedy })
}
