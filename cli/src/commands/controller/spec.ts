/** `weft controller`: the program, and setting it up. */
import type { GroupSpec, OptionSpec } from '../spec.ts'

const CONFIG: OptionSpec = {
  flags: '--config <FILE>',
  summary: "the controller's configuration",
  default: '/etc/weft/controller.json',
  hint: 'file',
}
const OUT: OptionSpec = { flags: '--out <FILE>', summary: 'write the join string there, mode 0600', hint: 'file' }

export const controllerSpec: GroupSpec = {
  name: 'controller',
  summary: 'Set up and run the controller (options of the program: weft controller --help)',
  examples: [
    { line: 'weft controller init', does: 'certificates, configuration and service on this machine' },
    { line: 'weft controller join-string', does: 'what weft join wants on the hosts' },
  ],
  program: { load: () => import('./run.ts') },
  commands: [
    {
      name: 'init',
      summary: 'Make this machine a controller',
      details:
        'Makes the CA, a certificate, the shared secret and the configuration, starts the service and prints the string with which hosts join. Repeating it changes nothing and prints the string again.',
      examples: [
        { line: 'weft controller init', does: 'reachable at the address of the default route' },
        { line: 'weft controller init --listen 192.0.2.10:7474', does: 'at an address of your choice' },
        { line: 'weft controller init --out join.txt', does: 'the string into a file instead of the terminal' },
      ],
      options: [
        { flags: '--listen <ADDR:PORT>', summary: "API (default: the default route's address, port 7474)" },
        { flags: '--nats-listen <ADDR:PORT>', summary: 'NATS (default: the address of --listen, port 4222)' },
        { flags: '--data <DIR>', summary: 'data folder', default: '/var/lib/weft' },
        CONFIG,
        OUT,
        { flags: '--no-start', summary: 'write everything, start nothing' },
      ],
      load: () => import('./init.ts'),
    },
    {
      name: 'join-string',
      summary: 'Print what weft join wants on the hosts: addresses, CA and secret in one word',
      examples: [
        { line: 'weft controller join-string', does: 'the string alone' },
        { line: 'weft controller join-string --out join.txt', does: 'into a file that only root reads' },
      ],
      options: [CONFIG, OUT],
      load: () => import('./join-string.ts'),
    },
    {
      name: 'renew-certificate',
      summary: "Make the controller's certificate anew",
      details:
        'The new one has the names of the old and those of today, and is of the same CA: hosts and join strings need nothing. The controller is started with it, which containers do not notice.',
      examples: [
        { line: 'weft controller renew-certificate', does: 'ten years more, and this machine’s new addresses' },
      ],
      options: [CONFIG, { flags: '--no-start', summary: 'write it, and leave the running controller alone' }],
      load: () => import('./renew-certificate.ts'),
    },
  ],
}
