import { FORMAT_OPTION, type LeafSpec } from '../spec.ts'

export const traceSpec: LeafSpec = {
  name: 'trace',
  summary: 'Whether one container reaches another, or an address, and if not why',
  details:
    'Follows the way as the records have it (networks, routers, icc, ways out), then tries it from inside the container and counts what comes to the other. Where packets are lost between two hosts, the doctor examines these. Exit code 7 when it is not reached.',
  examples: [
    { line: 'weft trace web db', does: 'ICMP echo, by every network that they share' },
    { line: 'weft trace web db --port 5432', does: 'a TCP connection, too' },
    { line: 'weft trace docker1/web 192.0.2.7', does: 'to an address, of the cluster or beyond' },
  ],
  arguments: [
    { name: '<FROM>', summary: '[HOST/]CONTAINER', hint: 'endpoints' },
    { name: '<TO>', summary: '[HOST/]CONTAINER, or an address', hint: 'endpoints' },
  ],
  options: [{ flags: '--port <PORT>', summary: 'TCP port that is to be open' }, FORMAT_OPTION],
  api: true,
  load: () => import('./run.ts'),
}
