/** `weft apply`, `diff`, `export`: what there should be, in a file. */
import { NO_WAIT, WAIT } from '../network/spec.ts'
import type { LeafSpec, OptionSpec } from '../spec.ts'

const FILE: OptionSpec = { flags: '-f, --file <FILE>', summary: 'YAML; - for the standard input', hint: 'file' }
const PRUNE: OptionSpec = {
  flags: '--prune',
  summary: 'also remove what is not in the file, of the kinds that it has',
}

export const applySpec: LeafSpec = {
  name: 'apply',
  summary: 'Make the cluster what a file says',
  examples: [
    { line: 'weft apply -f weft.yaml --dry-run', does: 'what would change, on which hosts' },
    { line: 'weft apply -f weft.yaml', does: 'does it; nothing when nothing differs' },
    { line: 'weft apply -f - --prune < weft.yaml', does: 'also removes what the file does not name' },
  ],
  details: 'All is checked before anything is changed; what would need a new network is refused, with the reason.',
  options: [FILE, PRUNE, { flags: '--dry-run', summary: 'say what would change; change nothing' }, WAIT, NO_WAIT],
  api: true,
  load: () => import('./apply.ts'),
}

export const diffSpec: LeafSpec = {
  name: 'diff',
  summary: 'What differs between a file and the cluster',
  examples: [
    { line: 'weft diff -f weft.yaml', does: '+ to create, ~ to change, - to remove, ! not possible' },
    { line: 'weft diff --exit-code -f weft.yaml', does: 'exit 1 when anything differs' },
  ],
  options: [FILE, PRUNE, { flags: '--exit-code', summary: 'exit 1 when anything differs' }],
  api: true,
  load: () => import('./diff.ts'),
}

export const exportSpec: LeafSpec = {
  name: 'export',
  summary: 'Write the cluster as a file that apply takes',
  examples: [
    { line: 'weft export', does: 'to the standard output' },
    { line: 'weft export -o weft.yaml', does: 'to a file' },
  ],
  options: [
    { flags: '-o, --output <FILE>', summary: 'file to write; - for the standard output', default: '-', hint: 'file' },
  ],
  api: true,
  load: () => import('./export.ts'),
}
