/** Every command of the CLI, out of its command tree; pure. */
import { type CommandSpec, type GroupSpec, isGroup, type OptionSpec } from '../commands/spec.ts'
import { code, heading, paragraph, table } from './markdown.ts'

export function cliReference(tree: GroupSpec, common: readonly OptionSpec[]): string {
  return [
    heading(1, 'Commands'),
    paragraph('Made from the command tree of the CLI; `weft COMMAND --help` says the same.'),
    heading(2, 'Options of every command that asks the controller'),
    optionTable(common),
    ...tree.commands.flatMap((command) => section(command, ['weft'])),
  ].join('')
}

function section(command: CommandSpec, above: readonly string[]): string[] {
  const path = [...above, command.name]
  if (isGroup(command))
    return [
      heading(2, path.join(' ')),
      paragraph(`${command.summary}.`),
      ...command.commands.flatMap((child) => section(child, path)),
    ]
  const words = [...path, ...(command.arguments ?? []).map(({ name }) => name)].join(' ')
  const also = (command.aliases ?? []).map((alias) => `\`${alias}\``).join(', ')
  const rows = (command.arguments ?? []).map(({ name, summary }) => [code(name), summary, ''])
  return [
    heading(above.length > 1 ? 3 : 2, words),
    paragraph(`${command.summary}.${command.details === undefined ? '' : ` ${command.details}`}`),
    also === '' ? '' : paragraph(`Also: ${also}.`),
    `\`\`\`sh\n${command.examples.map(({ line, does }) => `${line}   # ${does}`).join('\n')}\n\`\`\`\n\n`,
    rows.length === 0 ? '' : table(['argument', 'what it is', ''], rows),
    optionTable(command.options ?? []),
  ]
}

function optionTable(options: readonly OptionSpec[]): string {
  const shown = options.filter(({ hidden }) => hidden !== true)
  if (shown.length === 0) return ''
  const rows = shown.map(({ flags, summary, default: preset }) => [
    code(flags),
    summary,
    preset === undefined ? '' : code(preset),
  ])
  return table(['option', 'what it does', 'default'], rows)
}
