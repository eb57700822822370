/**
 * What makes a machine a controller: CA, certificate, secret, and the configuration, which comes last, so that what is
 * interrupted is made whole by the next attempt.
 */
import { randomBytes, X509Certificate } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { formatHostPort, type HostPort, type JoinInfo, parseHostPort, parseJsonWith, WeftError } from '@weft/shared'
import { z } from 'zod'
import { ownAddresses } from './addresses.ts'
import { authorityFiles, ensureAuthority, namesOf, pinOf, renewCertificate } from './authority.ts'
import { makePrivateFolder, readIfThere, writeJson, writePrivate } from './files.ts'

export interface ControllerWish {
  readonly config: string
  readonly data: string
  readonly listen: HostPort
  readonly natsListen: HostPort
}

/** The keys of the controller's configuration that are read here; it checks the others itself. */
const Written = z.looseObject({
  data: z.string().default('/var/lib/weft'),
  listen: z.string(),
  'nats-listen': z.string().optional(),
  nats: z.array(z.string()).default([]),
  'tls-cert': z.string(),
  'secret-file': z.string().optional(),
})

const ANY = ['0.0.0.0', '::']
/** As many as a join string carries. */
const MOST_ADDRESSES = 8

/** Writes everything; the secret and the CA that are there already are kept. @throws `denied`, `invalid` */
export function setUpController({ config, data, listen, natsListen }: ControllerWish, now: Date): void {
  makePrivateFolder(data)
  const secret = path.join(data, 'secret')
  if (readIfThere(secret) === undefined) writePrivate(secret, `${randomBytes(30).toString('base64url')}\n`)
  const tls = path.join(data, 'tls')
  makePrivateFolder(tls)
  const { certFile, keyFile } = ensureAuthority(tls, certificateNames([listen, natsListen]), now)
  writeJson(config, {
    embedded: true,
    data,
    listen: formatHostPort(listen),
    'nats-listen': formatHostPort(natsListen),
    'tls-cert': certFile,
    'tls-key': keyFile,
  })
}

/** By which hosts, and programs on this machine, reach a controller. */
function certificateNames(listeners: readonly HostPort[]): string[] {
  const reachedBy = listeners.flatMap(({ host }) => (ANY.includes(host) ? addressTexts() : [host]))
  return [...new Set([...reachedBy, '127.0.0.1', '::1', 'localhost', ...hostNames()])]
}

/**
 * Makes the certificate of a controller anew, for the names that it has and those of today; CA and configuration stay.
 * @returns until when it is valid; undefined when no controller was set up
 * @throws `invalid` when the certificate is not one that Weft made, or its CA cannot sign
 */
export function renewController(config: string, now: Date): Date | undefined {
  const setup = readControllerSetup(config)
  if (setup === undefined) return undefined
  const tls = path.join(setup.data, 'tls')
  const { certFile } = authorityFiles(tls)
  if (setup.certFile !== certFile)
    throw new WeftError('invalid', {
      what: 'certificate is not Weft’s',
      on: setup.certFile,
      why: `${config} names it; Weft's own would be ${certFile}`,
      remedy: 'renew it where it was made, then: systemctl restart weft-controller',
    })
  const { listen, natsListen } = setup
  const today = certificateNames(natsListen === undefined ? [listen] : [listen, natsListen])
  const before = namesOf(new X509Certificate(fs.readFileSync(certFile)))
  return renewCertificate(tls, [...new Set([...before, ...today])], now)
}

export interface ControllerSetup {
  readonly data: string
  readonly listen: HostPort
  readonly natsListen: HostPort | undefined
  readonly certFile: string
  /** PEM. */
  readonly ca: string
  readonly join: JoinInfo
}

/**
 * A controller that was set up, from its configuration; undefined when there is none.
 * @throws `invalid` when it is not one that hosts can join
 */
export function readControllerSetup(config: string): ControllerSetup | undefined {
  const text = readIfThere(config)
  if (text === undefined) return undefined
  const settings = parseJsonWith(Written, text, `configuration file ${config}`)
  const listen = parseHostPort(settings.listen)
  const natsListen = settings.nats.length > 0 ? undefined : parseHostPort(settings['nats-listen'] ?? '127.0.0.1:4222')
  const ca = lastCertificate(settings['tls-cert'])
  const secretFile = settings['secret-file'] ?? path.join(settings.data, 'secret')
  const secret = readIfThere(secretFile)?.trim()
  if (secret === undefined) {
    const remedy = `start the controller once, or restore the file; hosts that joined have it as agent-secret`
    throw new WeftError('invalid', { what: 'no secret', on: secretFile, why: `${config} names it`, remedy })
  }
  const join = {
    controllers: advertised(listen),
    nats: natsListen === undefined ? settings.nats.map((url) => new URL(url).host) : advertised(natsListen),
    caPin: pinOf(ca),
    secret,
  }
  const certFile = settings['tls-cert']
  return { data: settings.data, listen, natsListen, certFile, ca: ca.toString(), join }
}

function advertised({ host, port }: HostPort): string[] {
  const hosts = ANY.includes(host) ? addressTexts() : [host]
  return hosts.slice(0, MOST_ADDRESSES).map((each) => formatHostPort({ host: each, port }))
}

function addressTexts(): string[] {
  return ownAddresses().map(({ address }) => address)
}

/** The name of this machine, if it can stand in a certificate. */
function hostNames(): string[] {
  return /^[A-Za-z0-9]([A-Za-z0-9.-]{0,61}[A-Za-z0-9])?$/.test(os.hostname()) ? [os.hostname()] : []
}

/** The CA stands behind the server's own certificate. @throws `invalid` */
function lastCertificate(file: string): X509Certificate {
  const blocks = (readIfThere(file) ?? '').match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
  const last = blocks.length > 1 ? blocks.at(-1) : undefined
  if (last !== undefined) return new X509Certificate(last)
  throw new WeftError('invalid', {
    what: 'certificate without its CA',
    on: file,
    why: fs.existsSync(file) ? `it holds ${blocks.length} certificates` : 'the file does not exist',
    remedy: 'put the CA’s certificate behind the server’s in this file; hosts pin it when they join',
  })
}
