#!/usr/bin/env node
/** The controller's process: configuration in, everything made and started here, everything ended here. */
import fs from 'node:fs'
import { BUS_USER, ERROR_CODES, WeftError } from '@weft/shared'
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
import { notifySystemd, watchdogMs } from './sd-notify.ts'
import { readOrMakeSecret } from './secret.ts'
import { etcdKv } from './store/etcd.ts'
import { etcdStatus } from './store/etcd-status.ts'
import { Undo } from './undo.ts'

const VERSION = '0.1.0'
/** Milliseconds for which the API waits for the bus before it opens without it. */
const BUS_WITHIN_MS = 3_000
const ETCD_STATUS_MS = 3_000

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
  const files = readFiles(invocation)
  const reason = await run(invocation, files, log, undo, stop.signal).catch((thrown: unknown) => WeftError.from(thrown))
  await tell(log, { state: 'stopping' })
  const errors = await undo.run(log)
  const bad = stop.signal.aborted ? undefined : reason
  if (bad !== undefined) log.fatal({ error: bad.message }, 'controller cannot go on')
  else log.info({}, 'stopped')
  process.exit(bad !== undefined ? exitOf(bad) : errors.length > 0 ? 1 : 0)
}

/**
 * That of the error's code, but never the one that says that the configuration does not hold, which has been read by then:
 * systemd starts us no more after it (RestartPreventExitStatus=).
 */
function exitOf({ code }: WeftError): number {
  const { exit } = ERROR_CODES[code]
  return exit === ERROR_CODES.invalid.exit ? ERROR_CODES.internal.exit : exit
}

function readInvocation(): Invocation {
  return orEnd(() => readConfig(process.argv.slice(2), process.env, readText))
}

/** What the configuration names: TLS of both sides, and the secret. */
function readFiles(config: Config) {
  return orEnd(() => ({
    etcdTls: config.etcdTls && readEtcdTls(config.etcdTls, readText),
    listenTls: config.listenTls && {
      cert: readPem('--tls-cert', config.listenTls.cert, readText),
      key: readPem('--tls-key', config.listenTls.key, readText),
    },
    ca: config.caFile === undefined ? undefined : readPem('--ca', config.caFile, readText),
    secret: readOrMakeSecret(config.secretFile, secureRandomText),
  }))
}

function orEnd<T>(read: () => T): T {
  try {
    return read()
  } catch (thrown) {
    const error = WeftError.from(thrown)
    process.stderr.write(`weft controller: ${error.message}\n`)
    process.exit(ERROR_CODES[error.code].exit)
  }
}

/** Starts everything, each with its undoing, and resolves when it is time to stop: with the reason if it is a bad one. */
async function run(
  config: Config,
  { etcdTls: tls, listenTls, ca, secret }: ReturnType<typeof readFiles>,
  log: Log,
  undo: Undo,
  stop: AbortSignal,
): Promise<WeftError | undefined> {
  undo.add('pid file', writePidFile(config.runDir))

  const embedded = await startParts(config, secret, log)
  undo.add('children', () => embedded?.stop())
  const etcd = embedded?.etcdUrl === undefined ? config.etcd : [embedded.etcdUrl]
  const nats = embedded?.natsUrl === undefined ? config.nats : [embedded.natsUrl]

  const store = { endpoints: etcd, ...(tls === undefined ? {} : { tls }) }
  const kv = etcdKv(store, { onWatchReconnect: (prefix, why) => log.warn({ prefix, why }, 'watch opened anew') })
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
    etcdStatus: () => etcdStatus(store, ETCD_STATUS_MS),
    dataFolder: config.data,
  })
  undo.add('control', () => control.stop())

  const connecting = connectNats(
    {
      servers: nats,
      user: BUS_USER,
      // The embedded NATS shows the same certificate as the API, and its CA stands behind it.
      ca: ca ?? listenTls?.cert,
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
  await tell(log, { state: 'ready', status: `serves ${formatHostPort(config.listen)}` })
  undo.add('signs of life', keepTelling(log))
  return await Promise.race([aborted(stop), control.ended, busEnded])
}

/** systemd is told while the event loop turns; gives back how to end that. */
function keepTelling(log: Log): () => void {
  const everyMs = watchdogMs(process.env)
  if (everyMs === undefined) return () => undefined
  const timer = setInterval(() => void tell(log, { state: 'alive' }), everyMs)
  return () => clearInterval(timer)
}

/** systemd does as if we had said nothing when it cannot be told. */
async function tell(log: Log, notice: Parameters<typeof notifySystemd>[0]): Promise<void> {
  await notifySystemd(notice, process.env).catch((error: unknown) => {
    log.warn({ error: WeftError.from(error).message }, 'systemd not told')
  })
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
