/**
 * The controller's configuration: flags, else environment (`WEFT_…`), else the file of `--config` (or the usual one, which
 * may be absent), else the default.
 */
import path from 'node:path'
import { parseArgs } from 'node:util'
import { parseJsonWith, parseWith, WeftError } from '@weft/shared'
import { z } from 'zod'
import { CONFIG_FLAGS, type Flag } from './config-flags.ts'
import { type EtcdTlsFiles, etcdTlsOf } from './etcd-tls.ts'
import { type HostPort, parseHostPort } from './host-port.ts'
import { type ListenTlsFiles, listenTlsOf } from './listen-tls.ts'
import { LOG_LEVELS } from './log.ts'

const HostPortText = z.string().transform((text, context) => checked(text, context, parseHostPort))
const AbsolutePath = z
  .string()
  .min(1)
  .transform((file) => path.resolve(file))

const DEFAULT_FILE = '/etc/weft/controller.json'

const Settings = z.strictObject({
  embedded: z.boolean().default(false),
  data: AbsolutePath.default('/var/lib/weft'),
  listen: HostPortText.default({ host: '127.0.0.1', port: 7474 }),
  socket: AbsolutePath.default('/run/weft/controller.sock'),
  'nats-listen': HostPortText.default({ host: '127.0.0.1', port: 4222 }),
  'secret-file': AbsolutePath.optional(),
  'tls-cert': AbsolutePath.optional(),
  'tls-key': AbsolutePath.optional(),
  ca: AbsolutePath.optional(),
  insecure: z.boolean().default(false),
  etcd: z.array(z.url({ protocol: /^https?$/ })).default([]),
  'etcd-ca': AbsolutePath.optional(),
  'etcd-cert': AbsolutePath.optional(),
  'etcd-key': AbsolutePath.optional(),
  'etcd-server-name': z.string().min(1).optional(),
  nats: z.array(z.url({ protocol: /^(nats|tls)$/ })).default([]),
  'etcd-bin': z.string().min(1).default('etcd'),
  'nats-bin': z.string().min(1).default('nats-server'),
  quarantine: z
    .string()
    .transform((text, context) => checked(text, context, parseDuration))
    .default(10_000),
  'run-dir': AbsolutePath.default('/run/weft'),
  'log-level': z.enum(LOG_LEVELS).default('info'),
})

export interface Config {
  readonly embedded: { readonly etcd: boolean; readonly nats: boolean }
  readonly data: string
  readonly listen: HostPort
  readonly socket: string
  readonly natsListen: HostPort
  readonly secretFile: string
  /** Of both listeners; undefined for none. */
  readonly listenTls: ListenTlsFiles | undefined
  /** CA of NATS servers of one's own; undefined for the system's. */
  readonly caFile: string | undefined
  readonly etcd: readonly string[]
  /** Undefined for plain HTTP. */
  readonly etcdTls: EtcdTlsFiles | undefined
  readonly nats: readonly string[]
  readonly etcdBin: string
  readonly natsBin: string
  readonly quarantineMs: number
  readonly runDir: string
  readonly logLevel: (typeof LOG_LEVELS)[number]
}

export type Invocation = { readonly kind: 'help' } | { readonly kind: 'version' } | ({ readonly kind: 'run' } & Config)

/**
 * @param argv arguments behind the program
 * @param readFile reads the file of `--config`
 * @throws `invalid` naming the flag, variable or key, with the one that was probably meant
 */
export function readConfig(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  readFile: (file: string) => string,
): Invocation {
  const flags = readFlags(argv)
  if (flags.help === true) return { kind: 'help' }
  if (flags.version === true) return { kind: 'version' }
  const { config, ...given } = flags
  const file = typeof config === 'string' ? config : env.WEFT_CONFIG
  const fromFile = readSettings(file ?? DEFAULT_FILE, readFile, file === undefined)
  const merged = { ...fromFile, ...readEnvironment(env), ...given }
  const settings = parseWith(Settings, merged, 'configuration of the controller')
  const embedded = {
    etcd: settings.embedded && settings.etcd.length === 0,
    nats: settings.embedded && settings.nats.length === 0,
  }
  for (const part of ['etcd', 'nats'] as const) {
    if (embedded[part] || settings[part].length > 0) continue
    const remedy = `name it with --${part} URL, or let the controller run its own with --embedded`
    throw new WeftError('invalid', { what: 'no server named', on: part, remedy })
  }
  return {
    kind: 'run',
    embedded,
    data: settings.data,
    listen: settings.listen,
    socket: settings.socket,
    natsListen: settings['nats-listen'],
    secretFile: settings['secret-file'] ?? path.join(settings.data, 'secret'),
    listenTls: listenTlsOf(settings, embedded.nats),
    caFile: settings.ca,
    etcd: settings.etcd,
    etcdTls: etcdTlsOf(settings),
    nats: settings.nats,
    etcdBin: settings['etcd-bin'],
    natsBin: settings['nats-bin'],
    quarantineMs: settings.quarantine,
    runDir: settings['run-dir'],
    logLevel: settings['log-level'],
  }
}

/** `500ms`, `10s`, `2m`, `1h` to milliseconds. @throws `invalid` */
export function parseDuration(text: string): number {
  const match = /^(\d{1,9})(ms|s|m|h)$/.exec(text)
  const unit = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }[match?.[2] ?? '']
  if (unit !== undefined) return Number(match?.[1]) * unit
  throw new WeftError('invalid', { what: 'not a duration', on: text, remedy: 'give for instance 500ms, 10s or 2m' })
}

function readFlags(argv: readonly string[]): Record<string, unknown> {
  const options = Object.fromEntries(
    Object.entries<Flag>(CONFIG_FLAGS).map(([name, { type, multiple = false }]) => [name, { type, multiple }]),
  )
  const known = Object.keys(options)
  const { tokens } = parseArgs({ args: [...argv], options, strict: false, tokens: true })
  for (const token of tokens) {
    if (token.kind === 'option' && !known.includes(token.name)) throw unknownName('flag', token.rawName, known, '--')
    if (token.kind === 'positional')
      throw new WeftError('invalid', { what: 'unexpected argument', on: token.value, remedy: 'weft controller --help' })
  }
  try {
    return { ...parseArgs({ args: [...argv], options, strict: true }).values }
  } catch (cause) {
    throw new WeftError('invalid', { what: 'bad flags', why: (cause as Error).message, cause })
  }
}

function readEnvironment(env: Readonly<Record<string, string | undefined>>): Record<string, unknown> {
  const found: Record<string, unknown> = {}
  for (const [name, { type, multiple }] of Object.entries<Flag>(CONFIG_FLAGS)) {
    const value = env[variableOf(name)]
    if (value === undefined || ['help', 'version', 'config'].includes(name)) continue
    if (type === 'boolean' && !['true', 'false'].includes(value))
      throw new WeftError('invalid', {
        what: 'bad environment',
        on: `${variableOf(name)}=${value}`,
        why: 'true or false',
      })
    found[name] = type === 'boolean' ? value === 'true' : multiple === true ? value.split(',') : value
  }
  return found
}

function readSettings(file: string, readFile: (file: string) => string, mayBeAbsent: boolean): Record<string, unknown> {
  let text: string
  try {
    text = readFile(file)
  } catch (cause) {
    if (mayBeAbsent && (cause as NodeJS.ErrnoException).code === 'ENOENT') return {}
    throw new WeftError('invalid', {
      what: 'configuration file not read',
      on: file,
      why: (cause as Error).message,
      cause,
    })
  }
  const settings = parseJsonWith(z.record(z.string(), z.unknown()), text, `configuration file ${file}`)
  const known = Object.keys(Settings.shape)
  const unknown = Object.keys(settings).find((key) => !known.includes(key))
  if (unknown !== undefined) throw unknownName(`key in ${file}`, unknown, known, '')
  return settings
}

export function variableOf(flag: string): string {
  return `WEFT_${flag.toUpperCase().replaceAll('-', '_')}`
}

function unknownName(what: string, name: string, known: readonly string[], prefix: string): WeftError {
  const bare = name.replace(/^-+/, '')
  const near = known.find((candidate) => distance(bare, candidate) <= Math.max(1, Math.floor(candidate.length / 3)))
  const remedy =
    near === undefined ? `there are ${known.map((k) => `${prefix}${k}`).join(', ')}` : `did you mean ${prefix}${near}?`
  return new WeftError('invalid', { what: `unknown ${what}`, on: name, remedy })
}

/** Levenshtein distance of two short words. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (const [i, char] of [...a].entries()) {
    const next = [i + 1]
    for (const [j, other] of [...b].entries())
      next.push(Math.min((next[j] ?? 0) + 1, (row[j + 1] ?? 0) + 1, (row[j] ?? 0) + (char === other ? 0 : 1)))
    row = next
  }
  return row[b.length] ?? 0
}

function checked<T>(text: string, context: z.RefinementCtx, parse: (text: string) => T): T {
  try {
    return parse(text)
  } catch (thrown) {
    const { what, why, remedy } = WeftError.from(thrown).parts
    context.addIssue({ code: 'custom', message: [what, why, remedy].filter(Boolean).join('; '), input: text })
    return z.NEVER
  }
}
