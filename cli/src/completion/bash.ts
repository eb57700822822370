/** Completion for bash. */
import type { Hint } from '../commands/spec.ts'
import { type CompletionEntry, isFixed, quote } from './table.ts'

/** A script for `source <(weft completion bash)`. Names come from the cluster, quietly: no controller, no names. */
export function bashScript(entries: readonly CompletionEntry[]): string {
  const paths = entries.filter(({ path }) => path !== '').map(({ path }) => quote(path))
  return `# weft completion for bash: source <(weft completion bash)
_weft() {
  local current=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} at='' word index
  for ((index = 1; index < COMP_CWORD; index++)); do
    word=\${COMP_WORDS[index]}
    [[ $word == -- ]] && { COMPREPLY=(); return; }
    case "\${at:+$at }$word" in
      ${paths.join('|')}) at="\${at:+$at }$word" ;;
    esac
  done
  COMPREPLY=()
  case "$at" in
${entries.map(entryCase).join('\n')}
  esac
}
_weft_words() { local IFS=$'\\n'; COMPREPLY+=($(compgen -W "$1" -- "$current")); }
_weft_names() { _weft_words "$(weft completion bash --words "$1" 2>/dev/null)"; }
complete -o default -F _weft weft
`
}

function entryCase(entry: CompletionEntry): string {
  const values = entry.options.filter(({ takesValue }) => takesValue)
  const lines = values.map(({ names, hint }) => `      ${names.join('|')}) ${offer(hint)} return ;;`)
  const before = lines.length === 0 ? [] : ['      case "$before" in', ...lines, '      esac']
  const words = [...entry.commands.map(({ name }) => name)]
  const flags = entry.options.flatMap(({ names }) => names).filter((name) => name.startsWith('--'))
  return [
    `    ${quote(entry.path)})`,
    ...before,
    `      if [[ $current == -* ]]; then ${offer(flags)} else ${offer(words.length > 0 ? words : entry.argument)} fi ;;`,
  ].join('\n')
}

/** Nothing to offer leaves bash to offer files (-o default). */
function offer(hint: Hint | undefined): string {
  if (hint === undefined || hint === 'file') return ':;'
  return isFixed(hint) ? (hint.length === 0 ? ':;' : `_weft_words ${ansi(hint)};`) : `_weft_names ${hint};`
}

function ansi(words: readonly string[]): string {
  return `$'${words.join('\\n').replaceAll("'", "\\'")}'`
}
