import { FORMAT_OPTION, type LeafSpec } from '../spec.ts'

export const doctorSpec: LeafSpec = {
  name: 'doctor',
  summary: 'What ails hosts and the paths between them, and what mends it',
  details:
    'Measures on every host, or those named, and between pairs of hosts: kernel, Docker, plugin, routes, clock, disk; UDP port, path MTU, TCP in VXLAN, VLANs. Exit code 7 when anything is an error. Probes remove what they make.',
  examples: [
    { line: 'weft doctor', does: 'every host, and up to 16 pairs of them' },
    { line: 'weft doctor docker1 docker2', does: 'these two, with each other and with the rest' },
    { line: 'weft doctor --all --format json', does: 'every pair, for a script' },
  ],
  arguments: [{ name: '[HOST...]', summary: 'hosts to examine (default: all)', hint: 'hosts' }],
  options: [{ flags: '--all', summary: 'probe every pair of hosts' }, FORMAT_OPTION],
  api: true,
  load: () => import('./run.ts'),
}
