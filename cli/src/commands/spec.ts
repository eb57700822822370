/**
 * A command as data. The parser, the help and the completion are made from one tree of these; what a command does is
 * loaded only when it runs, so that the tree costs nothing.
 */
import type { Connection } from '../client/open.ts'
import type { Terminal } from '../output/terminal.ts'

/** What completion offers for a value: fixed words, or names that exist in the cluster. */
export type Hint = readonly string[] | Names | 'file'
export const NAME_KINDS = ['networks', 'endpoints', 'hosts', 'uplinks', 'routers', 'lab-hosts', 'drivers'] as const
export type Names = (typeof NAME_KINDS)[number]

export interface OptionSpec {
  /** As commander writes them: `-d, --driver <DRIVER>`. */
  readonly flags: string
  readonly summary: string
  /** May be given several times. */
  readonly many?: true
  readonly default?: string
  readonly hint?: Hint
  readonly hidden?: true
}

export interface ArgumentSpec {
  /** `<NAME>`, `[NAME...]`, as commander writes them. */
  readonly name: string
  readonly summary: string
  readonly hint?: Hint
}

export interface Example {
  readonly line: string
  readonly does: string
}

export interface Context {
  readonly terminal: Terminal
  /** Flags that say where the controller is. */
  readonly connection: Connection
  /** The whole command tree, for completion. */
  readonly tree: GroupSpec
  /** A new id per wish. */
  readonly newRequestId: () => string
  /** The wall clock: ages of what the controller dated. */
  readonly nowMs: () => number
  /** From the first call on these signals (SIGINT, SIGTERM, SIGHUP) and a closed stdout abort it instead of ending us. */
  readonly interrupt: (signals?: readonly NodeJS.Signals[]) => AbortSignal
}

export interface Given {
  readonly args: readonly string[]
  /** Values of the command's own options, under their camel-case names. */
  readonly options: Readonly<Record<string, unknown>>
}

/** Does the command; gives back the exit code when it is not 0. */
export type Run = (context: Context, given: Given) => Promise<number | undefined>

interface CommonSpec {
  readonly name: string
  readonly aliases?: readonly string[]
  readonly summary: string
  readonly examples: readonly [Example, ...Example[]]
}

export interface LeafSpec extends CommonSpec {
  readonly details?: string
  readonly arguments?: readonly ArgumentSpec[]
  readonly options?: readonly OptionSpec[]
  /** Speaks to the controller: takes --controller and --secret-file. */
  readonly api?: true
  /** `all`: every word belongs to another program. `after-arguments`: what follows the first argument does. */
  readonly passThrough?: 'all' | 'after-arguments'
  readonly load: () => Promise<{ readonly run: Run }>
}

export interface GroupSpec extends CommonSpec {
  /** What the group's name alone is: another program, to which every word belongs unless the first is a command's name. */
  readonly program?: { readonly load: LeafSpec['load'] }
  readonly commands: readonly CommandSpec[]
}

export type CommandSpec = LeafSpec | GroupSpec

export function isGroup(spec: CommandSpec): spec is GroupSpec {
  return 'commands' in spec
}

export const CONNECTION_OPTIONS: readonly OptionSpec[] = [
  {
    flags: '--controller <ADDRESS>',
    summary: 'https://HOST:PORT or unix:PATH (default: WEFT_CONTROLLER, the local socket, the lab)',
  },
  {
    flags: '--secret-file <PATH>',
    summary: "the cluster's secret, for https (default: WEFT_SECRET_FILE)",
    hint: 'file',
  },
  {
    flags: '--ca <PATH>',
    summary: "the cluster's CA, for https (default: WEFT_CA, else the system's)",
    hint: 'file',
  },
  { flags: '--insecure', summary: 'send the secret over http:// beyond loopback, in clear' },
]

const FORMAT = { flags: '--format <FORMAT>', hint: ['table', 'json'] } as const
/** The options that Docker's lists have. @param filters keys of `-f`, of which the list's own description is the judge */
export function listOptions(filters: readonly [string, ...string[]]): readonly OptionSpec[] {
  const keys = filters.map((key) => `${key}=`)
  const summary = `${keys.join(', ')}; repeatable`
  return [{ flags: '-f, --filter <KEY=VALUE>', summary, many: true, hint: keys }, ...LIST_OPTIONS]
}
export const LIST_OPTIONS: readonly OptionSpec[] = [
  { flags: '-q, --quiet', summary: 'only ids' },
  { flags: '--no-trunc', summary: 'do not shorten ids' },
  { ...FORMAT, summary: "table, json (one array), a Go template: '{{.Name}}', 'table {{.Name}}'", default: 'table' },
]
export const FORMAT_OPTION: OptionSpec = { ...FORMAT, summary: 'table, or json', default: 'table' }
export const INSPECT_FORMAT: OptionSpec = {
  flags: '-f, --format <FORMAT>',
  summary: "json, or a Go template: '{{.Name}}', '{{json .}}'",
}
