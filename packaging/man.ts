/** Man pages (groff_man(7)) out of what the programs say of themselves; pure. */
interface Option {
  readonly flags: string
  readonly summary: string
  readonly default?: string
  readonly hidden?: true
}

/** The part of the CLI's command tree (cli/src/commands/spec.ts) that a page shows. */
export interface Command {
  readonly name: string
  readonly aliases?: readonly string[]
  readonly summary: string
  readonly details?: string
  readonly examples: readonly { readonly line: string; readonly does: string }[]
  readonly arguments?: readonly { readonly name: string; readonly summary: string }[]
  readonly options?: readonly Option[]
  readonly commands?: readonly Command[]
}

export interface Edition {
  readonly version: string
  /** ISO date. */
  readonly date: string
}

const SEE_ALSO = '.SH SEE ALSO\n.BR weft (1),\n.BR weft-controller (8),\n.BR weft-agent (8),\n.BR weft-dns (8)\n'

/** weft(1): every command with its options and examples. */
export function commandPage(tree: Command, common: readonly Option[], edition: Edition): string {
  const body = (tree.commands ?? []).flatMap((command) => section(command, ['weft'])).join('')
  return [
    head('weft', 1, edition),
    `.SH NAME\nweft \\- ${roff(tree.summary.toLowerCase())}\n`,
    '.SH SYNOPSIS\n.B weft\n.I COMMAND\n.RI [ ARGUMENT... ]\n.RI [ OPTION... ]\n',
    examples(tree),
    '.SH OPTIONS OF EVERY COMMAND THAT ASKS THE CONTROLLER\n',
    ...common.map(option),
    '.SH COMMANDS\n',
    body,
    SEE_ALSO,
  ].join('')
}

/** A program's page (section 8): its help as it prints it. */
export function programPage(name: string, summary: string, help: string, edition: Edition): string {
  return `${head(name, 8, edition)}.SH NAME\n${name} \\- ${roff(summary)}\n.SH DESCRIPTION\n.nf\n${roff(help.trimEnd())}\n.fi\n${SEE_ALSO}`
}

function head(name: string, part: number, { version, date }: Edition): string {
  return `.TH ${name.toUpperCase().replaceAll('-', '\\-')} ${part} ${date} "weft ${version}" Weft\n`
}

function section(command: Command, above: readonly string[]): string[] {
  const path = [...above, command.name]
  if (command.commands !== undefined) return command.commands.flatMap((child) => section(child, path))
  const words = [...path, ...(command.arguments ?? []).map(({ name }) => name)].join(' ')
  const also = (command.aliases ?? []).length > 0 ? ` Also: ${command.aliases?.join(', ')}.` : ''
  return [
    `.SS ${roff(words)}\n${roff(`${command.summary}.${command.details ? ` ${command.details}` : ''}${also}`)}\n`,
    ...(command.arguments ?? []).map(({ name, summary }) => `.TP\n.I ${roff(name)}\n${roff(summary)}\n`),
    ...(command.options ?? []).filter(({ hidden }) => hidden !== true).map(option),
    `.PP\n.nf\n${command.examples.map(({ line, does }) => roff(`  ${line}   # ${does}`)).join('\n')}\n.fi\n`,
  ]
}

function option(given: Option): string {
  const preset = given.default === undefined ? '' : ` (default: ${given.default})`
  return `.TP\n.B ${roff(given.flags)}\n${roff(given.summary + preset)}\n`
}

function examples(command: Command): string {
  const lines = command.examples.map(({ line, does }) => roff(`  ${line}\n      ${does}`))
  return `.SH EXAMPLES\n.nf\n${lines.join('\n')}\n.fi\n`
}

/** Escapes for roff: backslashes, hyphens (a bare one may be set as U+2010), and control characters at a line's start. */
export function roff(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll('…', '...')
    .replaceAll('’', "'")
    .replace(/^([.'])/gm, '\\&$1')
}
