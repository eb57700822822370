/** From the tree to commander's parser. Commander parses and writes help; errors and exit codes are ours. */
import { Command, type CommanderError, Option } from 'commander'
import { ownVersion } from './own-version.ts'
import {
  CONNECTION_OPTIONS,
  type CommandSpec,
  type Given,
  type GroupSpec,
  isGroup,
  type LeafSpec,
  type OptionSpec,
} from './spec.ts'

export interface Parsed {
  readonly spec: LeafSpec
  readonly given: Given
  readonly connection: {
    readonly controller?: string
    readonly secretFile?: string
    readonly ca?: string
    readonly insecure?: boolean
  }
}

export interface ProgramOptions {
  readonly writeOut: (text: string) => void
  readonly writeErr: (text: string) => void
  /** Columns of help. */
  readonly width: number
  /** Called with a command line that holds. */
  readonly act: (parsed: Parsed) => Promise<void>
  /** Called with commander's complaint and the command that it is about; throws. */
  readonly refuse: (error: CommanderError, command: string) => never
}

/** The parser of the whole tree. */
export function buildProgram(tree: GroupSpec, options: ProgramOptions): Command {
  const root = build(tree, [], options)
  for (const option of CONNECTION_OPTIONS) root.addOption(toOption(option))
  return root.version(ownVersion(), '-v, --version', 'this command’s version')
}

function build(spec: CommandSpec, above: readonly string[], options: ProgramOptions): Command {
  const path = [...above, spec.name]
  const command = new Command(spec.name)
    .summary(spec.summary)
    .description(isGroup(spec) || spec.details === undefined ? spec.summary : `${spec.summary}. ${spec.details}`)
    .aliases([...(spec.aliases ?? [])])
    .addHelpText('before', examplesText(spec))
    .enablePositionalOptions()
    .configureHelp({ helpWidth: options.width })
    .configureOutput({ writeOut: options.writeOut, writeErr: options.writeErr, outputError: () => undefined })
    .exitOverride((error) => options.refuse(error, path.join(' ')))
  if (isGroup(spec)) for (const child of spec.commands) command.addCommand(build(child, path, options))
  else fillLeaf(command, spec, options)
  return command
}

function fillLeaf(command: Command, spec: LeafSpec, { act }: ProgramOptions): void {
  for (const { name, summary } of spec.arguments ?? []) command.argument(name, summary)
  for (const option of [...(spec.options ?? []), ...(spec.api ? CONNECTION_OPTIONS : [])])
    command.addOption(toOption(option))
  if (spec.passThrough !== undefined) command.passThroughOptions()
  if (spec.passThrough === 'all') command.argument('[ARGUMENT...]', 'options of the program').allowUnknownOption()
  command.action(async () => {
    const { controller, secretFile, ca, insecure, ...own } = { ...rootOf(command).opts(), ...command.opts() }
    const { version: _, ...options } = own
    await act({ spec, given: { args: command.args, options }, connection: { controller, secretFile, ca, insecure } })
  })
}

function rootOf(command: Command): Command {
  return command.parent === null ? command : rootOf(command.parent)
}

function toOption(spec: OptionSpec): Option {
  const option = new Option(spec.flags, spec.summary)
  if (spec.default !== undefined) option.default(spec.default)
  if (spec.hidden) option.hideHelp()
  if (spec.many) option.argParser((value: string, before: string[] | undefined) => [...(before ?? []), value])
  return option
}

function examplesText(spec: CommandSpec): string {
  const width = Math.max(...spec.examples.map((example) => example.line.length))
  const lines = spec.examples.map(({ line, does }) => `  ${line.padEnd(width)}   # ${does}`)
  return `Examples:\n${lines.join('\n')}\n`
}
