/** `weft completion`. */
import type { LeafSpec } from '../commands/spec.ts'
import { SHELLS } from './shells.ts'

export const completionSpec: LeafSpec = {
  name: 'completion',
  summary: 'Completion for your shell, on stdout',
  examples: [
    { line: 'source <(weft completion bash)', does: 'for this shell; in ~/.bashrc for every one' },
    { line: 'weft completion zsh > ~/.zfunc/_weft', does: 'zsh, with ~/.zfunc in $fpath' },
    { line: 'weft completion fish > ~/.config/fish/completions/weft.fish', does: 'fish' },
  ],
  arguments: [{ name: '<SHELL>', summary: 'bash, zsh or fish', hint: SHELLS }],
  options: [{ flags: '--words <KIND>', summary: 'print names of this kind instead; the scripts use it', hidden: true }],
  api: true,
  load: () => import('./command.ts'),
}
