/** Every command, in the order in which help shows them. */
import { completionSpec } from '../completion/spec.ts'
import { attachSpec, detachSpec } from './attach/spec.ts'
import { controllerSpec } from './controller/spec.ts'
import { applySpec, diffSpec, exportSpec } from './declare/spec.ts'
import { dnsSpec } from './dns/spec.ts'
import { doctorSpec } from './doctor/spec.ts'
import { endpointSpec } from './endpoint/spec.ts'
import { hostSpec } from './host/spec.ts'
import { importSpec } from './import/spec.ts'
import { ipSpec } from './ip/spec.ts'
import { joinSpec } from './join/spec.ts'
import { labSpec } from './lab/spec.ts'
import { leaveSpec } from './leave/spec.ts'
import { networkSpec } from './network/spec.ts'
import { portSpec, publishSpec, unpublishSpec } from './publish/spec.ts'
import { routerSpec } from './router/spec.ts'
import { FORMAT_OPTION, type GroupSpec } from './spec.ts'
import { traceSpec } from './trace/spec.ts'
import { uplinkSpec } from './uplink/spec.ts'

export const TREE: GroupSpec = {
  name: 'weft',
  summary: 'One network across plain Docker hosts, with one command',
  examples: [
    { line: 'weft lab up', does: 'two Docker hosts on this machine, to try it' },
    { line: 'weft network create --subnet 10.20.0.0/24 mynet', does: 'a network on all hosts' },
    { line: 'weft status', does: 'where every host stands, and why' },
  ],
  commands: [
    networkSpec,
    ipSpec,
    importSpec,
    endpointSpec,
    attachSpec,
    detachSpec,
    publishSpec,
    unpublishSpec,
    portSpec,
    dnsSpec,
    hostSpec,
    uplinkSpec,
    routerSpec,
    {
      name: 'status',
      summary: 'Where every host stands, and why',
      examples: [
        { line: 'weft status', does: 'one screen' },
        {
          line: 'weft status --wait --timeout 30s',
          does: 'until every host has followed; else exit 7 with who has not',
        },
      ],
      options: [
        { flags: '--wait', summary: 'wait until every live host has followed' },
        { flags: '--timeout <DURATION>', summary: 'how long to wait: 500ms, 30s, 2m', default: '30s' },
        { flags: '--revision <N>', summary: 'wait for this revision (default: the newest)' },
        FORMAT_OPTION,
      ],
      api: true,
      load: () => import('./status.ts'),
    },
    applySpec,
    diffSpec,
    exportSpec,
    traceSpec,
    doctorSpec,
    {
      name: 'events',
      summary: 'What changes, as it changes, until Ctrl-C',
      examples: [
        { line: 'weft events', does: 'everything' },
        { line: 'weft events -f type=endpoint --format json', does: 'endpoints only, one JSON object a line' },
      ],
      options: [
        {
          flags: '-f, --filter <KEY=VALUE>',
          summary: 'type=, action=, name= or id=; repeatable',
          many: true,
          hint: [
            'type=network',
            'type=endpoint',
            'type=reservation',
            'type=host',
            'type=uplink',
            'type=router',
            'type=publication',
            'action=',
            'name=',
            'id=',
          ],
        },
        FORMAT_OPTION,
      ],
      api: true,
      load: () => import('./events.ts'),
    },
    labSpec,
    controllerSpec,
    joinSpec,
    leaveSpec,
    {
      name: 'agent',
      summary: 'Run the agent of this host (its own options: weft agent --help)',
      examples: [{ line: 'weft agent', does: 'on a host that joined: as /etc/weft/agent.json says' }],
      passThrough: 'all',
      load: () => import('./agent.ts'),
    },
    completionSpec,
    {
      name: 'version',
      summary: 'Versions of this command and of the controller',
      examples: [{ line: 'weft version', does: 'both' }],
      api: true,
      load: () => import('./version.ts'),
    },
  ],
}
