/** The agent's flags: one table, from which parsing and help are made. Everything is checked before anything starts. */
import path from 'node:path'
import { parseArgs } from 'node:util'
import { closest, InterfaceName, IpText, Name, parseWith, WeftError } from '@weft/shared'
import { z } from 'zod'
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
  controller: { type: 'string', multiple: true, value: 'URL', help: 'a controller, http://HOST:7474; repeat for each' },
  nats: { type: 'string', multiple: true, value: 'URL', help: 'a NATS server, nats://HOST:4222; repeat for each' },
  'secret-file': { type: 'string', value: 'FILE', help: "copy of the controller's secret (DATA/secret)" },
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
  'log-level': { type: 'string', value: 'LEVEL', help: `${LOG_LEVELS.join(', ')} (info)` },
  help: { type: 'boolean', help: 'this text' },
  version: { type: 'boolean', help: 'the version' },
} as const satisfies Record<string, Flag>

const AbsolutePath = z
  .string()
  .min(1)
  .transform((file) => path.resolve(file))

const Settings = z.strictObject({
  id: Name,
  controller: z.array(z.url({ protocol: /^https?$/ })).min(1),
  nats: z.array(z.url({ protocol: /^(nats|tls)$/ })).min(1),
  'secret-file': AbsolutePath.optional(),
  data: AbsolutePath.default('/var/lib/weft'),
  underlay: InterfaceName,
  vtep: IpText.optional(),
  'run-dir': AbsolutePath.default('/run/weft'),
  docker: AbsolutePath.default('/run/docker.sock'),
  'plugin-socket': AbsolutePath.default('/run/docker/plugins/weft.sock'),
  'log-level': z.enum(LOG_LEVELS).default('info'),
})

export interface Config {
  readonly id: string
  readonly controllers: readonly string[]
  readonly nats: readonly string[]
  readonly secretFile: string
  readonly data: string
  readonly underlay: string
  readonly vtep: string | undefined
  readonly runDir: string
  readonly dockerSocket: string
  readonly pluginSocket: string
  readonly logLevel: LogLevel
}

export type Invocation = { readonly kind: 'help' } | { readonly kind: 'version' } | ({ readonly kind: 'run' } & Config)

/**
 * @param argv arguments behind the program
 * @throws `invalid` naming the flag, the value and the rule, with the flag that was probably meant
 */
export function readConfig(argv: readonly string[]): Invocation {
  const flags = readFlags(argv)
  if (flags.help === true) return { kind: 'help' }
  if (flags.version === true) return { kind: 'version' }
  for (const name of ['id', 'controller', 'nats', 'underlay'] as const) {
    if (flags[name] !== undefined) continue
    const remedy = `give --${name} ${FLAGS[name].value}`
    throw new WeftError('invalid', { what: 'flag is missing', on: `--${name}`, why: FLAGS[name].help, remedy })
  }
  const settings = parseWith(Settings, flags, 'flags of the agent')
  return {
    kind: 'run',
    id: settings.id,
    controllers: settings.controller.map((url) => url.replace(/\/+$/, '')),
    nats: settings.nats,
    secretFile: settings['secret-file'] ?? path.join(settings.data, 'secret'),
    data: settings.data,
    underlay: settings.underlay,
    vtep: settings.vtep,
    runDir: settings['run-dir'],
    dockerSocket: settings.docker,
    pluginSocket: settings['plugin-socket'],
    logLevel: settings['log-level'],
  }
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
  weft agent --id docker1 --controller http://192.0.2.10:7474 --nats nats://192.0.2.10:4222 --underlay eth0
      this host joins the cluster of the controller on 192.0.2.10; /var/lib/weft/secret is a copy of its secret file
  weft agent --id docker1 --controller http://192.0.2.10:7474 --controller http://192.0.2.11:7474 \\
      --nats nats://192.0.2.10:4222 --underlay bond0 --vtep 198.51.100.7
      two controllers, and a VTEP address of one's own choice

Usage: weft agent [flags]

${flags.join('\n')}

Stopping, killing or upgrading the agent takes nothing down: containers keep their interfaces and their traffic.
`
}
