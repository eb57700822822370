/**
 * The agent's configuration: flags, else the file of `--config` (or the usual one, which may be absent), else defaults. One
 * table, from which parsing and help are made. Everything is checked before anything starts.
 */
import path from 'node:path'
import { parseArgs } from 'node:util'
import { closest, InterfaceName, IpText, isLoopbackHost, Name, parseJsonWith, parseWith, WeftError } from '@weft/shared'
import { z } from 'zod'
import type { FabricMode } from './kernel/index.ts'
import { LOG_LEVELS, type LogLevel } from './log.ts'

interface Flag {
  readonly type: 'boolean' | 'string'
  readonly multiple?: boolean
  /** Placeholder of the value. */
  readonly value?: string
  readonly help: string
}

const FLAGS = {
  id: { type: 'string', value: 'NAME', help: "this host's name in the cluster (required)" },
  controller: {
    type: 'string',
    multiple: true,
    value: 'URL',
    help: 'a controller, https://HOST:7474; repeat for each',
  },
  nats: { type: 'string', multiple: true, value: 'URL', help: 'a NATS server, tls://HOST:4222; repeat for each' },
  'secret-file': { type: 'string', value: 'FILE', help: "copy of the controller's secret (DATA/secret)" },
  ca: { type: 'string', value: 'FILE', help: "the cluster's CA, which verifies both (PEM; the system's CAs)" },
  insecure: { type: 'boolean', help: 'http:// and nats:// beyond loopback: the secret crosses the network in clear' },
  data: { type: 'string', value: 'DIR', help: 'data folder (/var/lib/weft)' },
  underlay: { type: 'string', value: 'LINK', help: 'interface that carries VXLAN between hosts (required)' },
  vtep: { type: 'string', value: 'ADDRESS', help: "our address on it (the interface's first)" },
  'run-dir': { type: 'string', value: 'DIR', help: 'folder of the pid file (/run/weft)' },
  docker: { type: 'string', value: 'PATH', help: "the engine's API socket (/run/docker.sock)" },
  'plugin-socket': {
    type: 'string',
    value: 'PATH',
    help: 'where Docker finds us, unless systemd hands the socket over (/run/docker/plugins/weft.sock)',
  },
  fabric: {
    type: 'string',
    value: 'HOW',
    help: 'make: make the namespace weft; expect: end where it is missing, as systemd wants it (make)',
  },
  'log-level': { type: 'string', value: 'LEVEL', help: `${LOG_LEVELS.join(', ')} (info)` },
  config: {
    type: 'string',
    value: 'FILE',
    help: 'JSON file with any of these as keys; flags win (/etc/weft/agent.json, if it is there)',
  },
  help: { type: 'boolean', help: 'this text' },
  version: { type: 'boolean', help: 'the version' },
} as const satisfies Record<string, Flag>

const FABRIC_MODES = ['make', 'expect'] as const satisfies readonly FabricMode[]

const DEFAULT_FILE = '/etc/weft/agent.json'

const AbsolutePath = z
  .string()
  .min(1)
  .transform((file) => path.resolve(file))

const Settings = z.strictObject({
  id: Name,
  controller: z.array(z.url({ protocol: /^https?$/ })).min(1),
  nats: z.array(z.url({ protocol: /^(nats|tls)$/ })).min(1),
  'secret-file': AbsolutePath.optional(),
  ca: AbsolutePath.optional(),
  insecure: z.boolean().default(false),
  data: AbsolutePath.default('/var/lib/weft'),
  underlay: InterfaceName,
  vtep: IpText.optional(),
  'run-dir': AbsolutePath.default('/run/weft'),
  docker: AbsolutePath.default('/run/docker.sock'),
  'plugin-socket': AbsolutePath.default('/run/docker/plugins/weft.sock'),
  fabric: z.enum(FABRIC_MODES).default('make'),
  'log-level': z.enum(LOG_LEVELS).default('info'),
})

export interface Config {
  readonly id: string
  readonly controllers: readonly string[]
  readonly nats: readonly string[]
  readonly secretFile: string
  /** CA of controllers and NATS; undefined for the system's. */
  readonly caFile: string | undefined
  readonly data: string
  readonly underlay: string
  readonly vtep: string | undefined
  readonly runDir: string
  readonly dockerSocket: string
  readonly pluginSocket: string
  readonly fabric: FabricMode
  readonly logLevel: LogLevel
}

export type Invocation = { readonly kind: 'help' } | { readonly kind: 'version' } | ({ readonly kind: 'run' } & Config)

/**
 * @param argv arguments behind the program
 * @param readFile reads the file of `--config`
 * @throws `invalid` naming the flag or key, the value and the rule, with the one that was probably meant
 */
export function readConfig(argv: readonly string[], readFile: (file: string) => string): Invocation {
  const flags = readFlags(argv)
  if (flags.help === true) return { kind: 'help' }
  if (flags.version === true) return { kind: 'version' }
  const { config, ...given } = flags
  const file = typeof config === 'string' ? config : undefined
  const merged = { ...readSettings(file ?? DEFAULT_FILE, readFile, file === undefined), ...given }
  for (const name of ['id', 'controller', 'nats', 'underlay'] as const) {
    if (merged[name] !== undefined) continue
    const remedy = `give --${name} ${FLAGS[name].value}, or join a cluster with weft join`
    throw new WeftError('invalid', { what: 'flag is missing', on: `--${name}`, why: FLAGS[name].help, remedy })
  }
  const settings = parseWith(Settings, merged, 'configuration of the agent')
  if (!settings.insecure) refuseClear([...settings.controller, ...settings.nats])
  return {
    kind: 'run',
    id: settings.id,
    controllers: settings.controller.map((url) => url.replace(/\/+$/, '')),
    nats: settings.nats,
    secretFile: settings['secret-file'] ?? path.join(settings.data, 'secret'),
    caFile: settings.ca,
    data: settings.data,
    underlay: settings.underlay,
    vtep: settings.vtep,
    runDir: settings['run-dir'],
    dockerSocket: settings.docker,
    pluginSocket: settings['plugin-socket'],
    fabric: settings.fabric,
    logLevel: settings['log-level'],
  }
}

/** @throws `invalid` for a server beyond loopback that is spoken to without TLS */
function refuseClear(urls: readonly string[]): void {
  const clear = urls.find((url) => /^(http|nats):/.test(url) && !isLoopbackHost(new URL(url).hostname))
  if (clear === undefined) return
  throw new WeftError('invalid', {
    what: 'server without TLS',
    on: clear,
    why: 'the shared secret would cross the network in clear',
    remedy: 'use https:// and tls:// with --ca (weft join sets that up), or --insecure for a closed network',
  })
}

function readSettings(file: string, readFile: (file: string) => string, mayBeAbsent: boolean): Record<string, unknown> {
  let text: string
  try {
    text = readFile(file)
  } catch (cause) {
    const { code, message: why } = cause as NodeJS.ErrnoException
    if (mayBeAbsent && code === 'ENOENT') return {}
    throw new WeftError('invalid', { what: 'configuration file not read', on: file, why, cause })
  }
  const settings = parseJsonWith(z.record(z.string(), z.unknown()), text, `configuration file ${file}`)
  const known = Object.keys(Settings.shape)
  const unknown = Object.keys(settings).find((key) => !known.includes(key))
  if (unknown === undefined) return settings
  const near = closest(unknown, known)
  const remedy = near === undefined ? `there are ${known.join(', ')}` : `did you mean ${near}?`
  throw new WeftError('invalid', { what: `unknown key in ${file}`, on: unknown, remedy })
}

function readFlags(argv: readonly string[]): Record<string, unknown> {
  const options = Object.fromEntries(
    Object.entries<Flag>(FLAGS).map(([name, { type, multiple = false }]) => [name, { type, multiple }]),
  )
  const known = Object.keys(options)
  const { tokens } = parseArgs({ args: [...argv], options, strict: false, tokens: true })
  for (const token of tokens) {
    if (token.kind === 'positional') {
      throw new WeftError('invalid', { what: 'unexpected argument', on: token.value, remedy: 'weft agent --help' })
    }
    if (token.kind !== 'option' || known.includes(token.name)) continue
    const near = closest(token.name, known)
    const remedy = near === undefined ? 'weft agent --help' : `did you mean --${near}?`
    throw new WeftError('invalid', { what: 'unknown flag', on: token.rawName, remedy })
  }
  try {
    return { ...parseArgs({ args: [...argv], options, strict: true }).values }
  } catch (cause) {
    throw new WeftError('invalid', { what: 'bad flags', why: (cause as Error).message, cause })
  }
}

export function helpText(): string {
  const flags = Object.entries<Flag>(FLAGS).map(([name, { value, help }]) => {
    const left = value === undefined ? `--${name}` : `--${name} ${value}`
    return `  ${left.padEnd(24)} ${help}`
  })
  return `Examples:
  weft agent
      on a host that joined with weft join: everything is in /etc/weft/agent.json
  weft agent --id docker1 --controller https://192.0.2.10:7474 --nats tls://192.0.2.10:4222 --ca ca.crt --underlay eth0
      everything by hand; ca.crt and /var/lib/weft/secret are copies of the controller's
  weft agent --controller https://192.0.2.10:7474 --controller https://192.0.2.11:7474 --vtep 198.51.100.7
      the file's, but for two controllers, and a VTEP address of one's own choice

Usage: weft agent [flags]

${flags.join('\n')}

Stopping, killing or upgrading the agent takes nothing down: containers keep their interfaces and their traffic.
`
}
