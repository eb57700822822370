/** The command tree as completion needs it: for each command its words, and what each value may be. */
import { CONNECTION_OPTIONS, type CommandSpec, type Hint, isGroup, type OptionSpec } from '../commands/spec.ts'

export interface CompletionOption {
  /** `-d` and `--driver`. */
  readonly names: readonly string[]
  readonly summary: string
  readonly takesValue: boolean
  readonly hint: Hint | undefined
}

export interface CompletionEntry {
  /** `weft network create` is `network create`; the root is ''. */
  readonly path: string
  readonly commands: readonly { readonly name: string; readonly summary: string }[]
  readonly options: readonly CompletionOption[]
  /** What arguments may be. */
  readonly argument: Hint | undefined
}

/** One entry per command, parents first; aliases lead to the same words. */
export function completionTable(root: CommandSpec): CompletionEntry[] {
  return entries(root, '')
}

function entries(spec: CommandSpec, path: string): CompletionEntry[] {
  if (!isGroup(spec)) {
    const own = (spec.options ?? []).filter((option) => option.hidden !== true)
    const options = [...own, ...(spec.api ? CONNECTION_OPTIONS : []), HELP]
    const shown = spec.passThrough === 'all' ? [] : options.map(toOption)
    return [
      { path, commands: [], options: shown, argument: spec.arguments?.find(({ hint }) => hint !== undefined)?.hint },
    ]
  }
  const commands = spec.commands.map(({ name, summary }) => ({ name, summary }))
  const options = (path === '' ? [...CONNECTION_OPTIONS, VERSION, HELP] : [HELP]).map(toOption)
  const below = spec.commands.flatMap((child) =>
    [child.name, ...(child.aliases ?? [])].flatMap((name) => entries(child, `${path} ${name}`.trim())),
  )
  return [{ path, commands, options, argument: undefined }, ...below]
}

const HELP: OptionSpec = { flags: '-h, --help', summary: 'help, beginning with examples' }
const VERSION: OptionSpec = { flags: '-v, --version', summary: 'this command’s version' }

function toOption({ flags, summary, hint }: OptionSpec): CompletionOption {
  const names = flags.split(/[ ,]+/).filter((word) => word.startsWith('-'))
  return { names, summary, takesValue: flags.includes('<'), hint }
}

/** Shell words that a hint stands for, as text to be put into a script: fixed words, or a call back to `weft`. */
export function isFixed(hint: Hint): hint is readonly string[] {
  return Array.isArray(hint)
}

/** In single quotes for any of the shells: our own texts only, but they hold apostrophes. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}
