/** The client that a command uses: controller found, secret read. */
import fs from 'node:fs'
import { isLoopbackHost, WeftError } from '@weft/shared'
import { findController } from '../config.ts'
import { note, type Terminal } from '../output/terminal.ts'
import { type Client, createClient } from './client.ts'

export interface Connection {
  /** `--controller`. */
  readonly controller?: string | undefined
  /** `--secret-file`. */
  readonly secretFile?: string | undefined
  /** `--ca`. */
  readonly ca?: string | undefined
  /** `--insecure`. */
  readonly insecure?: boolean | undefined
}

/** Throws as `findController`, and `invalid` when the secret file cannot be read or would cross the network in clear. */
export async function openClient(connection: Connection, terminal: Terminal): Promise<Client> {
  const { env } = terminal
  const stale = () => note(terminal, 'warning: etcd does not answer the controller; this is what was known last')
  const address = await findController({ flag: connection.controller, env, exists: fs.existsSync, labSockets })
  if (address.kind === 'unix') return createClient({ address }, stale)
  const secretFile = connection.secretFile ?? env.WEFT_SECRET_FILE ?? ''
  const caFile = connection.ca ?? env.WEFT_CA ?? ''
  if (secretFile !== '' && connection.insecure !== true) refuseClear(address.url)
  const secret = secretFile === '' ? {} : { secret: readSecret(secretFile) }
  const ca = caFile === '' ? {} : { ca: readText(caFile, 'file of the CA') }
  return createClient({ address, ...secret, ...ca }, stale)
}

/** @throws `invalid` for a controller beyond loopback that is spoken to without TLS */
function refuseClear(url: URL): void {
  if (url.protocol === 'https:' || isLoopbackHost(url.hostname)) return
  throw new WeftError('invalid', {
    what: 'controller without TLS',
    on: url.origin,
    why: 'the secret would cross the network in clear',
    remedy: `write https://${url.host} with --ca; or --insecure, for a closed network`,
  })
}

/** Only asked when nothing else names a controller. Not through the lab's door, which would load dockerd and all. */
async function labSockets(): Promise<Map<string, string>> {
  const [{ labLayout }, { listLabs }] = await Promise.all([import('../lab/layout.ts'), import('../lab/record.ts')])
  return new Map(listLabs().map((name) => [name, labLayout(name).controllerSocket]))
}

function readSecret(file: string): string {
  const text = readText(file, 'secret file').trim()
  if (/^[\x21-\x7e]+$/.test(text)) return text
  throw new WeftError('invalid', {
    what: 'secret file holds no secret',
    on: file,
    why: 'it must hold one line of printable characters without spaces',
    remedy: "copy the controller's secret file",
  })
}

function readText(file: string, what: string): string {
  try {
    return fs.readFileSync(file, 'utf8')
  } catch (cause) {
    const why = (cause as Error).message
    throw new WeftError('invalid', { what: `${what} cannot be read`, on: file, why, cause })
  }
}
