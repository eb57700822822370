#!/usr/bin/env node
/** The controller's process: configuration in, everything made and started here, everything ended here. */
import fs from 'node:fs'
import { ERROR_CODES, WeftError } from '@weft/shared'
import { connectNats, type NatsBus, natsVersionWarning } from './bus/index.ts'
import { type Config, type Invocation, readConfig } from './config.ts'
import { helpText } from './config-flags.ts'
import { startControl } from './control.ts'
import { type Embedded, startEmbedded } from './embedded/index.ts'
import { readEtcdTls } from './etcd-tls.ts'
import { formatHostPort } from './host-port.ts'
import { readPem } from './listen-tls.ts'
import { type Log, openLog } from './log.ts'
import { secureRandomText } from './random-text.ts'
import { writePidFile } from './run-files.ts'
import { BUS_USER, readOrMakeSecret } from './secret.ts'
import { etcdKv } from './store/etcd.ts'
import { Undo } from './undo.ts'

const VERSION = '0.1.0'
/** Milliseconds for which the API waits for the bus before it opens without it. */
const BUS_WITHIN_MS = 3_000

await main()

async function main(): Promise<void> {
  const invocation = readInvocation()
  if (invocation.kind !== 'run') {
    process.stdout.write(invocation.kind === 'help' ? helpText() : `${VERSION}\n`)
    return
  }
  const log = openLog(invocation.logLevel)
  const stop = new AbortController()
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.on(signal, () => {
      log.info({ signal }, 'stopping')
      stop.abort()
    })
  for (const event of ['unhandledRejection', 'uncaughtException'] as const)
    process.on(event, (thrown: unknown) => {
      log.fatal({ event, error: String(thrown), stack: thrown instanceof Error ? thrown.stack : undefined }, 'defect')
      process.exit(1)
    })
  const undo = new Undo()
  const reason = await run(invocation, log, undo, stop.signal).catch((thrown: unknown) => WeftError.from(thrown))
  const errors = await undo.run(log)
  const bad = stop.signal.aborted ? undefined : reason
  if (bad !== undefined) log.fatal({ error: bad.message }, 'controller cannot go on')
  else log.info({}, 'stopped')
  process.exit(bad !== undefined ? ERROR_CODES[bad.code].exit : errors.length > 0 ? 1 : 0)
}

function readInvocation(): Invocation {
  try {
    return readConfig(process.argv.slice(2), process.env, readText)
  } catch (thrown) {
    const error = WeftError.from(thrown)
    process.stderr.write(`weft controller: ${error.message}\n`)
    process.exit(ERROR_CODES[error.code].exit)
  }
}

/** Starts everything, each with its undoing, and resolves when it is time to stop: with the reason if it is a bad one. */
async function run(config: Config, log: Log, undo: Undo, stop: AbortSignal): Promise<WeftError | undefined> {
  const tls = config.etcdTls && readEtcdTls(config.etcdTls, readText)
  const listenTls = config.listenTls && {
    cert: readPem('--tls-cert', config.listenTls.cert, readText),
    key: readPem('--tls-key', config.listenTls.key, readText),
  }
  const secret = readOrMakeSecret(config.secretFile, secureRandomText)
  undo.add('pid file', writePidFile(config.runDir))

  const embedded = await startParts(config, secret, log)
  undo.add('children', () => embedded?.stop())
  const etcd = embedded?.etcdUrl === undefined ? config.etcd : [embedded.etcdUrl]
  const nats = embedded?.natsUrl === undefined ? config.nats : [embedded.natsUrl]

  const kv = etcdKv(
    { endpoints: etcd, ...(tls === undefined ? {} : { tls }) },
    { onWatchReconnect: (prefix, why) => log.warn({ prefix, why }, 'watch opened anew') },
  )
  undo.add('store', () => kv.close())

  let bus: NatsBus | undefined
  undo.add('bus', () => bus?.close())
  const warnings: string[] = []
  const control = await startControl({
    kv,
    clock: { now: () => Date.now(), monotonicMs: () => performance.now() },
    randomText: secureRandomText,
    quarantineMs: config.quarantineMs,
    secret,
    version: VERSION,
    log,
    warnings: () => warnings,
  })
  undo.add('control', () => control.stop())

  const connecting = connectNats(
    {
      servers: nats,
      user: BUS_USER,
      // The embedded NATS shows the same certificate as the API, and its CA stands behind it.
      ca: config.caFile === undefined ? listenTls?.cert : readPem('--ca', config.caFile, readText),
      password: secret,
      name: `weft-controller-${process.pid}`,
      onNotice: ({ level, what, ...fields }) => log[level]({ notice: what, ...fields }, 'bus notice'),
      onReconnect: () => control.afterReconnect(),
    },
    stop,
  ).then((connected) => {
    bus = connected
    const warning = natsVersionWarning(connected.serverVersion)
    if (warning !== undefined) {
      warnings.push(warning)
      log.warn({ warning }, 'NATS server is too old')
    }
    control.attach(connected)
    return connected
  })
  const busEnded = connecting.then(busEnd, (thrown: unknown) => WeftError.from(thrown))
  const early = await Promise.race([
    busEnded,
    connecting.then(
      () => undefined,
      () => undefined,
    ),
    delay(BUS_WITHIN_MS),
  ])
  if (early !== undefined || stop.aborted) return early
  if (bus === undefined) log.warn({ nats }, 'NATS does not answer, serving without it')

  await control.api.listenUnix(config.socket)
  const listen = await control.api.listenTcp(config.listen, listenTls)
  const { socket, secretFile, data } = config
  log.info({ listen: formatHostPort(listen), socket, nats, etcd, secretFile, data, pid: process.pid }, 'ready')
  return await Promise.race([aborted(stop), control.ended, busEnded])
}

async function startParts(config: Config, secret: string, log: Log): Promise<Embedded | undefined> {
  if (!config.embedded.etcd && !config.embedded.nats) return undefined
  return await startEmbedded({
    folder: config.data,
    natsListen: config.natsListen,
    natsTls: config.listenTls,
    user: BUS_USER,
    secret,
    etcdProgram: config.etcdBin,
    natsProgram: config.natsBin,
    searchPath: process.env.PATH ?? '',
    log,
    parts: config.embedded,
  })
}

/** A bus that closes by itself is over for good (FACTS.md N2): whoever supervises this process starts it again. */
async function busEnd(bus: NatsBus): Promise<WeftError> {
  const reason = await bus.closed
  return new WeftError('unavailable', { what: 'bus closed', why: reason?.message ?? 'no reason was given' })
}

function readText(file: string): string {
  return fs.readFileSync(file, 'utf8')
}

function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined)
    signal.addEventListener('abort', () => resolve(undefined), { once: true })
  })
}

function delay(ms: number): Promise<undefined> {
  return new Promise((resolve) => setTimeout(resolve, ms, undefined).unref())
}
