/** `weft join`: this host becomes one of the cluster's. */
import type { LeafSpec } from '../spec.ts'

export const joinSpec: LeafSpec = {
  name: 'join',
  summary: 'Make this Docker host one of the cluster’s',
  details:
    'Checks Docker, the controller and its CA, the name and the interface; then writes the configuration, starts the agent, waits until the controller sees it converged, and lets weft doctor examine it. Repeating it is harmless.',
  examples: [
    { line: 'weft join WEFT1-…', does: 'with the string that weft controller init printed' },
    { line: 'weft join join.txt', does: 'with the string from a file, which no history remembers' },
    {
      line: 'weft join WEFT1-… --id docker1 --underlay bond0 --dry-run',
      does: 'only check, and show what would be done',
    },
  ],
  arguments: [{ name: '<STRING>', summary: 'the join string, or a file that holds it', hint: 'file' }],
  options: [
    { flags: '--id <NAME>', summary: "this host's name in the cluster (default: its host name)" },
    {
      flags: '--underlay <IF|ADDR>',
      summary: 'interface, or address on it, that carries traffic between hosts (default: the way to the controller)',
    },
    { flags: '--data <DIR>', summary: 'data folder', default: '/var/lib/weft' },
    { flags: '--config <FILE>', summary: "the agent's configuration", default: '/etc/weft/agent.json', hint: 'file' },
    { flags: '--docker <PATH>', summary: "the engine's API socket", default: '/run/docker.sock' },
    { flags: '--no-start', summary: 'write everything, start nothing' },
    { flags: '--dry-run', summary: 'check everything, change nothing' },
  ],
  load: () => import('./join.ts'),
}
