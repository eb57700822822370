/** Completion for fish. */
import type { Hint } from '../commands/spec.ts'
import { type CompletionEntry, type CompletionOption, isFixed } from './table.ts'

/** A script for ~/.config/fish/completions/weft.fish. */
export function fishScript(entries: readonly CompletionEntry[]): string {
  const paths = entries.filter(({ path }) => path !== '').map(({ path }) => quoteFish(path))
  return `# weft completion for fish: weft completion fish > ~/.config/fish/completions/weft.fish
function __weft_at
    set -l at
    for word in (commandline -opc)[2..-1]
        test "$word" = --; and return 1
        switch (string join ' ' $at $word)
            case ${paths.join(' ')}
                set -a at $word
        end
    end
    test (string join ' ' $at) = "$argv[1]"
end
complete -c weft -f
${entries.flatMap(entryLines).join('\n')}
`
}

function entryLines(entry: CompletionEntry): string[] {
  const at = `complete -c weft -n ${quoteFish(`__weft_at ${quoteFish(entry.path)}`)}`
  const commands = entry.commands.map(({ name, summary }) => `${at} -a ${name} -d ${quoteFish(summary)}`)
  const argument = entry.argument === undefined ? [] : [`${at} ${offer(entry.argument)}`]
  return [...commands, ...argument, ...entry.options.map((option) => `${at} ${optionText(option)}`)]
}

function optionText({ names, summary, takesValue, hint }: CompletionOption): string {
  const words = names.map((name) => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`))
  const value = takesValue ? ` -r${hint === undefined ? '' : ` ${offer(hint)}`}` : ''
  return `${words.join(' ')}${value} -d ${quoteFish(summary)}`
}

function offer(hint: Hint): string {
  if (hint === 'file') return '-F'
  return `-a ${quoteFish(isFixed(hint) ? hint.join(' ') : `(weft completion fish --words ${hint} 2>/dev/null)`)}`
}

/** fish knows two escapes in single quotes. */
function quoteFish(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}
