/** `weft import`: a Docker network of one host becomes the cluster's, and its containers keep their addresses. */
import type { LeafSpec } from '../spec.ts'

export const importSpec: LeafSpec = {
  name: 'import',
  summary: 'Take over a Docker network of one host, with its containers and their addresses',
  details:
    'The network is made on every host with the same subnets, options and name, and each running container’s address ' +
    'and MAC are reserved for its name. Then the containers are taken off the Docker network, it is removed, and they ' +
    'are connected again one after another: they go on running, and cannot be reached for some seconds. See with ' +
    '--dry-run first what would be done.',
  examples: [
    { line: 'weft import --dry-run docker1 lan', does: 'what would be made and moved; nothing is changed' },
    { line: 'weft import docker1 lan', does: 'a macvlan, ipvlan or bridge network as it is' },
    { line: 'weft import -d overlay docker1 mynet', does: 'a bridge network, from now on across hosts' },
  ],
  arguments: [
    { name: '<HOST>', summary: 'whose Docker has it', hint: 'hosts' },
    { name: '<NETWORK>', summary: 'name or id, as docker network ls shows it there' },
  ],
  options: [
    { flags: '-d, --driver <DRIVER>', summary: 'driver of the new network (default: the same)', hint: 'drivers' },
    { flags: '--name <NAME>', summary: 'name of the new network (default: the same)' },
    { flags: '--dry-run', summary: 'say what would be done, and check it' },
  ],
  api: true,
  load: () => import('./run.ts'),
}
