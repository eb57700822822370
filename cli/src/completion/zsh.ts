/** Completion for zsh. */
import type { Hint } from '../commands/spec.ts'
import { type CompletionEntry, isFixed, quote } from './table.ts'

/** A script for a folder of `$fpath`, named `_weft`. */
export function zshScript(entries: readonly CompletionEntry[]): string {
  const paths = entries.filter(({ path }) => path !== '').map(({ path }) => quote(path))
  return `#compdef weft
# weft completion for zsh: weft completion zsh > "\${fpath[1]}/_weft"
_weft() {
  local current=\${words[CURRENT]} before=\${words[CURRENT-1]} at='' word
  for word in "\${(@)words[2,CURRENT-1]}"; do
    [[ $word == -- ]] && { _normal; return }
    case "\${at:+$at }$word" in
      (${paths.join('|')}) at="\${at:+$at }$word" ;;
    esac
  done
  local -a commands options
  case "$at" in
${entries.map(entryCase).join('\n')}
  esac
}
_weft_names() { compadd -- \${(f)"$(weft completion zsh --words "$1" 2>/dev/null)"} }
if [[ \${funcstack[1]} == _weft ]]; then _weft "$@"; else compdef _weft weft; fi
`
}

function entryCase(entry: CompletionEntry): string {
  const values = entry.options.filter(({ takesValue }) => takesValue)
  const lines = values.map(({ names, hint }) => `        (${names.join('|')}) ${offer(hint)}; return ;;`)
  const before = lines.length === 0 ? [] : ['      case "$before" in', ...lines, '      esac']
  const commands = entry.commands.map(({ name, summary }) => described(name, summary))
  const options = entry.options.flatMap(({ names, summary }) => names.map((name) => described(name, summary)))
  const words = commands.length > 0 ? '_describe command commands' : offer(entry.argument)
  return [
    `    (${quote(entry.path)})`,
    ...before,
    `      commands=(${commands.join(' ')})`,
    `      options=(${options.join(' ')})`,
    `      if [[ $current == -* ]]; then _describe -o option options; else ${words}; fi ;;`,
  ].join('\n')
}

function described(word: string, summary: string): string {
  return quote(`${word}:${summary.replaceAll(':', '\\:')}`)
}

function offer(hint: Hint | undefined): string {
  if (hint === undefined) return ':'
  if (hint === 'file') return '_files'
  return isFixed(hint) ? `compadd -- ${hint.map(quote).join(' ')}` : `_weft_names ${hint}`
}
