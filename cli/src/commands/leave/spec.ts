/** `weft leave`: the contrary of `weft join`. */
import type { LeafSpec } from '../spec.ts'

export const leaveSpec: LeafSpec = {
  name: 'leave',
  summary: 'Take this host out of its cluster',
  details:
    'Stops the agent and removes its configuration, and tells what remains. Traffic of what runs is not touched.',
  examples: [
    { line: 'weft leave', does: 'refuses while containers of this host are on Weft networks' },
    { line: 'weft leave --force', does: 'whatever the controller says, or when it cannot be asked' },
  ],
  options: [
    { flags: '--config <FILE>', summary: "the agent's configuration", default: '/etc/weft/agent.json', hint: 'file' },
    { flags: '--force', summary: 'leave with endpoints, or without the controller' },
  ],
  load: () => import('./leave.ts'),
}
