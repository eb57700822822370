/** What must be refused of ways out and published ports; rows of bad-input.ts, on its ground. */
import { type BadInput, type HttpInput, TAKEN } from './bad-input.ts'

function post(changes: object): HttpInput {
  const good = {
    req: 'request-bad',
    container: 'later',
    network: TAKEN.name,
    protocol: 'tcp',
    hostPort: 8080,
    port: 80,
  }
  return { method: 'POST', path: '/v1/publications', body: { ...good, on: 'own', ...changes } }
}

const publish = (...words: string[]) => ['publish', '--network', TAKEN.name, ...words]

export const PUBLICATIONS: readonly BadInput[] = [
  {
    name: 'gateway of every host on a wire',
    code: 'invalid',
    words: ['egress=weft', 'parent=eth0'],
    wish: { driver: 'bridge', options: { parent: 'eth0', egress: 'weft' } },
  },
  {
    name: 'way out that there is not',
    code: 'invalid',
    words: ['egress=wefft', 'docker, weft, none'],
    wish: { options: { egress: 'wefft' } },
  },
  {
    name: 'nat without a gateway',
    code: 'invalid',
    words: ['nat', '-o egress=weft'],
    wish: { options: { nat: 'false' } },
  },
  {
    name: 'nat of another kind',
    code: 'invalid',
    words: ['nat=no', 'true or false'],
    wish: { options: { nat: 'no' } },
  },
  { name: 'one port where two belong', code: 'invalid', words: ['8080', 'HOSTPORT:PORT'], cli: publish('web', '8080') },
  {
    name: 'port above 65535',
    code: 'invalid',
    words: ['65536', '65535'],
    cli: publish('web', '65536:80'),
    http: post({ hostPort: 65_536 }),
  },
  { name: 'port 0', code: 'invalid', words: ['0', '1'], cli: publish('web', '8080:0'), http: post({ port: 0 }) },
  { name: 'range of ports', code: 'invalid', words: ['80-90:80', 'each port'], cli: publish('web', '80-90:80') },
  {
    name: 'protocol that is not published',
    code: 'invalid',
    words: ['sctp', 'tcp', 'udp'],
    cli: publish('web', '80:80/sctp'),
    http: post({ protocol: 'sctp' }),
  },
  {
    name: 'address of a host in octal',
    code: 'invalid',
    words: ['010.0.0.1'],
    cli: publish('--ip', '010.0.0.1', 'web', '80:80'),
    http: post({ hostIp: '010.0.0.1' }),
  },
  {
    name: 'address that no host has',
    code: 'invalid',
    words: ['192.0.2.9', 'weft host inspect'],
    cli: publish('--ip', '192.0.2.9', 'web', '80:80'),
    http: post({ hostIp: '192.0.2.9' }),
  },
  {
    name: 'address given twice',
    code: 'invalid',
    words: ['10.250.0.11:80:80', '--ip'],
    cli: publish('--ip', '10.250.0.11', 'web', '10.250.0.11:80:80'),
  },
  {
    name: 'port on a host and on all',
    code: 'invalid',
    words: ['--all-hosts', 'docker1'],
    cli: publish('--all-hosts', '--host', 'docker1', 'web', '80:80'),
  },
  {
    name: 'port on a host that there is not',
    code: 'not_found',
    words: ['docker9', 'docker1, docker2'],
    cli: publish('--host', 'docker9', 'web', '80:80'),
    http: post({ on: ['docker9'] }),
  },
  {
    name: 'port of a network that there is not',
    code: 'not_found',
    words: ['nowhere', TAKEN.name],
    cli: ['publish', '--network', 'nowhere', 'web', '80:80'],
    http: post({ network: 'nowhere' }),
  },
  {
    name: 'port of a container that nobody has, in no named network',
    code: 'not_found',
    words: ['nobody', 'weft endpoint ls'],
    cli: ['publish', 'nobody', '80:80'],
    http: post({ container: 'nobody', network: undefined }),
  },
  {
    name: 'container name with a path in it',
    code: 'invalid',
    words: ['../web'],
    cli: publish('../web', '80:80'),
    http: post({ container: '../web' }),
  },
  {
    name: 'port with a field of its own',
    code: 'invalid',
    words: ['weight'],
    http: post({ weight: 3 }),
  },
  {
    name: 'port to close that nobody opened',
    code: 'not_found',
    words: ['web', 'weft port'],
    cli: ['unpublish', 'web'],
  },
]
