/**
 * Everything that Weft must refuse, one row each, with the doors where it can come in. The suites test/integration/
 * bad-input.test.ts (command line and API) and test/lab/bad-input.test.ts (Docker and the plugin's socket) try each
 * row at each of its doors: an error with value, rule and remedy, the right code, and no change anywhere.
 *
 * The ground on which the rows stand: hosts docker1 and docker2 with eth0; network `taken` is 10.20.0.0/24 with VNI 5000;
 * docker2 alone has a route to 10.77.0.0/16.
 */
import type { ErrorCode } from '@weft/shared'

export const TAKEN = { name: 'taken', subnet: '10.20.0.0/24', vni: '5000' } as const
export const ROUTE_OF_DOCKER2 = '10.77.0.0/16'

/** A network that somebody wants; made into a command line and into a request. */
export interface NetworkWish {
  readonly name?: string
  readonly driver?: string
  readonly subnets?: readonly { readonly subnet: string; readonly gateway?: string; readonly ipRange?: string }[]
  readonly aux?: Readonly<Record<string, string>>
  readonly options?: Readonly<Record<string, string>>
  readonly labels?: Readonly<Record<string, string>>
}

export interface HttpInput {
  readonly method: string
  readonly path: string
  /** Text is sent as it is. */
  readonly body?: unknown
  /** When it is not the code's own. */
  readonly status?: number
}

/** What the plugin's bodies refer to. */
export interface PluginGround {
  readonly network: string
  readonly subnet: string
}

export interface PluginInput {
  readonly call: string
  /** Text is sent as it is. */
  readonly body: (ground: PluginGround) => unknown
}

export interface BadInput {
  readonly name: string
  readonly code: ErrorCode
  /** What the error must say at every door: the value, the rule, the remedy. */
  readonly words: readonly string[]
  /** For both the command line and the API. */
  readonly wish?: NetworkWish
  /** For the command line alone. */
  readonly cli?: readonly string[]
  /** For the API alone. */
  readonly http?: HttpInput
  readonly plugin?: PluginInput
  /** Words behind `docker` on a host; the client may refuse in words of its own. */
  readonly docker?: readonly string[]
}

export function argvOf(wish: NetworkWish): string[] {
  const { name = 'bad', driver, subnets = [], aux = {}, options = {}, labels = {} } = wish
  const each = (flag: string, map: Readonly<Record<string, string>>) =>
    Object.entries(map).flatMap(([key, value]) => [flag, `${key}=${value}`])
  return [
    ...['network', 'create', '--no-wait', ...(driver === undefined ? [] : ['--driver', driver])],
    ...subnets.flatMap(({ subnet, gateway, ipRange }) => [
      ...['--subnet', subnet],
      ...(gateway === undefined ? [] : ['--gateway', gateway]),
      ...(ipRange === undefined ? [] : ['--ip-range', ipRange]),
    ]),
    ...each('--aux-address', aux),
    ...each('-o', options),
    ...each('--label', labels),
    ...['--', name],
  ]
}

let requests = 0

export function bodyOf(wish: NetworkWish): Record<string, unknown> {
  const { name = 'bad', driver = 'overlay', subnets = [], aux = {}, options = {}, labels = {} } = wish
  const rest = { options, labels, internal: false, ipv6: false, dryRun: false }
  return { req: `bad-input-${requests++}`, name, driver, subnets, auxAddresses: aux, ...rest }
}

/** The text of a create request with something put in by hand. */
const bodyWith = (from: string, to: string, wish: NetworkWish = {}) => JSON.stringify(bodyOf(wish)).replace(from, to)
const post = (body: unknown, status?: number): HttpInput => ({
  ...{ method: 'POST', path: '/v1/networks', body },
  ...(status === undefined ? {} : { status }),
})
const subnet = (text: string, more: { gateway?: string; ipRange?: string } = {}): NetworkWish => ({
  subnets: [{ subnet: text, ...more }],
})
const macvlan = (parent: string): NetworkWish => ({ driver: 'macvlan', options: { parent }, ...subnet('10.30.0.0/24') })
const pool = (text: string, V6 = false): PluginInput => ({
  call: 'IpamDriver.RequestPool',
  body: ({ network }) => ({ AddressSpace: 'weft-local', Pool: text, SubPool: '', Options: { net: network }, V6 }),
})
const address = (text: string, options: Record<string, string> | null = null): PluginInput => ({
  call: 'IpamDriver.RequestAddress',
  body: ({ network, subnet: uid }) => ({ PoolID: `${network}/${uid}`, Address: text, Options: options }),
})
const gateway = (text: string) => address(text, { RequestAddressType: 'com.docker.network.gateway' })
const createNetwork = (id: string, net: unknown): PluginInput => ({
  call: 'NetworkDriver.CreateNetwork',
  body: () => ({ NetworkID: id, Options: { 'com.docker.network.generic': { net } }, IPv4Data: [], IPv6Data: [] }),
})
const raw = (call: string, text: string): PluginInput => ({ call, body: () => text })
const run = (...flags: string[]) => ['run', '--rm', '--network', TAKEN.name, ...flags, 'busybox', 'true']
const ID = 'ab'.repeat(32)

const SUBNETS: readonly BadInput[] = [
  {
    name: 'subnet without a prefix length',
    code: 'invalid',
    words: ['10.30.0.0', '10.0.0.0/24'],
    wish: subnet('10.30.0.0'),
    plugin: pool('10.30.0.0'),
  },
  {
    name: 'subnet with a prefix length of 33',
    code: 'invalid',
    words: ['10.30.0.0/33', '0 to 32'],
    wish: subnet('10.30.0.0/33'),
    plugin: pool('10.30.0.0/33'),
  },
  {
    name: 'subnet with a padded prefix length',
    code: 'invalid',
    words: ['10.30.0.0/024'],
    wish: subnet('10.30.0.0/024'),
    plugin: pool('10.30.0.0/024'),
  },
  {
    name: 'subnet that is a word',
    code: 'invalid',
    words: ['banana', '10.0.0.0/24'],
    wish: subnet('banana'),
    plugin: pool('banana'),
  },
  {
    name: 'subnet that is an option',
    code: 'invalid',
    words: ['--help', '10.0.0.0/24'],
    wish: subnet('--help'),
    plugin: pool('--help'),
  },
  {
    name: 'subnet with a blank',
    code: 'invalid',
    words: [' 10.30.0.0/24'],
    wish: subnet(' 10.30.0.0/24'),
    plugin: pool(' 10.30.0.0/24'),
  },
  {
    name: 'subnet in octal',
    code: 'invalid',
    words: ['010.0.0.0', 'without leading zeros'],
    wish: subnet('010.0.0.0/24'),
    plugin: pool('010.0.0.0/24'),
  },
  {
    name: 'short subnet',
    code: 'invalid',
    words: ['10.1', 'four decimal numbers'],
    wish: subnet('10.1/16'),
    plugin: pool('10.1/16'),
  },
  {
    name: 'subnet as one number',
    code: 'invalid',
    words: ['167772160', '10.0.0.0/24'],
    wish: subnet('167772160/8'),
    plugin: pool('167772160/8'),
  },
  {
    name: 'IPv6 subnet with a zone',
    code: 'invalid',
    words: ['fd00::%eth0', 'zone'],
    wish: subnet('fd00::%eth0/64'),
    plugin: pool('fd00::%eth0/64', true),
  },
  {
    name: 'subnet with host bits',
    code: 'invalid',
    words: ['10.30.0.1/24', 'host bits', 'write 10.30.0.0/24'],
    wish: subnet('10.30.0.1/24'),
    plugin: pool('10.30.0.1/24'),
  },
  {
    name: 'IPv6 subnet with host bits',
    code: 'invalid',
    words: ['fd30::1/64', 'write fd30::/64'],
    wish: subnet('fd30::1/64'),
    plugin: pool('fd30::1/64', true),
  },
  {
    name: 'subnet that the network does not have',
    code: 'invalid',
    words: ['10.21.0.0/24', '10.20.0.0/24'],
    plugin: pool('10.21.0.0/24'),
  },
  {
    name: 'subnet of two addresses',
    code: 'invalid',
    words: ['10.30.0.0/31', '1 to 30'],
    wish: subnet('10.30.0.0/31'),
  },
  {
    name: 'subnet that is everything',
    code: 'invalid',
    words: ['0.0.0.0/0', 'whole internet'],
    wish: subnet('0.0.0.0/0'),
  },
  {
    name: 'loopback subnet',
    code: 'invalid',
    words: ['127.0.0.0/16', 'loopback', 'private'],
    wish: subnet('127.0.0.0/16'),
  },
  {
    name: 'multicast subnet',
    code: 'invalid',
    words: ['239.1.0.0/16', 'multicast', 'private'],
    wish: subnet('239.1.0.0/16'),
  },
  {
    name: 'subnet of another network',
    code: 'conflict',
    words: [TAKEN.subnet, 'of network taken', 'choose'],
    wish: subnet(TAKEN.subnet),
  },
  {
    name: 'subnet around that of another network',
    code: 'conflict',
    words: ['10.20.0.0/16', TAKEN.subnet, 'taken'],
    wish: subnet('10.20.0.0/16'),
  },
  {
    name: 'subnet within that of another network',
    code: 'conflict',
    words: ['10.20.0.128/25', 'taken'],
    wish: subnet('10.20.0.128/25'),
  },
  {
    name: 'subnet on a route of one host',
    code: 'conflict',
    words: ['10.77.3.0/24', 'route 10.77.0.0/16 of host docker2', 'choose'],
    wish: subnet('10.77.3.0/24'),
  },
  {
    name: 'subnet of the underlay',
    code: 'conflict',
    words: ['10.250.0.0/16', 'docker1'],
    wish: subnet('10.250.0.0/16'),
  },
  {
    name: 'two subnets that overlap',
    code: 'invalid',
    words: ['10.30.0.0/25', '10.30.0.0/24'],
    wish: { subnets: [{ subnet: '10.30.0.0/24' }, { subnet: '10.30.0.0/25' }] },
  },
]

const ADDRESSES: readonly BadInput[] = [
  {
    name: 'gateway outside the subnet',
    code: 'invalid',
    words: ['10.31.0.1', '10.30.0.0/24'],
    wish: subnet('10.30.0.0/24', { gateway: '10.31.0.1' }),
  },
  {
    name: 'gateway in octal',
    code: 'invalid',
    words: ['10.30.0.010', 'leading zeros'],
    wish: subnet('10.30.0.0/24', { gateway: '10.30.0.010' }),
    plugin: gateway('10.30.0.010'),
  },
  {
    name: 'short gateway',
    code: 'invalid',
    words: ['10.1', 'four decimal numbers'],
    wish: subnet('10.0.0.0/24', { gateway: '10.1' }),
    plugin: gateway('10.1'),
  },
  {
    name: 'gateway that is the network address',
    code: 'invalid',
    words: ['10.30.0.0', 'network address'],
    wish: subnet('10.30.0.0/24', { gateway: '10.30.0.0' }),
  },
  {
    name: 'gateway that is the broadcast address',
    code: 'invalid',
    words: ['10.30.0.255', 'broadcast'],
    wish: subnet('10.30.0.0/24', { gateway: '10.30.0.255' }),
  },
  {
    name: 'gateway of the other family',
    code: 'invalid',
    words: ['fd30::1', '10.30.0.0/24'],
    wish: subnet('10.30.0.0/24', { gateway: 'fd30::1' }),
  },
  {
    name: 'gateway that the network does not have',
    code: 'invalid',
    words: ['10.20.0.9', '10.20.0.1', 'weft network create'],
    plugin: gateway('10.20.0.9'),
  },
  {
    name: 'range outside the subnet',
    code: 'invalid',
    words: ['10.31.0.0/25', '10.30.0.0/24'],
    wish: subnet('10.30.0.0/24', { ipRange: '10.31.0.0/25' }),
  },
  {
    name: 'range around the subnet',
    code: 'invalid',
    words: ['10.30.0.0/16', '10.30.0.0/24'],
    wish: subnet('10.30.0.0/24', { ipRange: '10.30.0.0/16' }),
  },
  {
    name: 'range with host bits',
    code: 'invalid',
    words: ['10.30.0.1/25', 'write 10.30.0.0/25'],
    wish: subnet('10.30.0.0/24', { ipRange: '10.30.0.1/25' }),
  },
  {
    name: 'auxiliary address outside the subnet',
    code: 'invalid',
    words: ['10.31.0.9', '10.30.0.0/24'],
    wish: { ...subnet('10.30.0.0/24'), aux: { r: '10.31.0.9' } },
  },
  {
    name: 'auxiliary address in octal',
    code: 'invalid',
    words: ['010.30.0.9', 'leading zeros'],
    wish: { ...subnet('10.30.0.0/24'), aux: { r: '010.30.0.9' } },
  },
  {
    name: 'auxiliary address that is the gateway',
    code: 'invalid',
    words: ['10.30.0.9', 'gateway', '"r"'],
    wish: { ...subnet('10.30.0.0/24', { gateway: '10.30.0.9' }), aux: { r: '10.30.0.9' } },
  },
  {
    name: 'one auxiliary address under two names',
    code: 'invalid',
    words: ['10.30.0.9', '"a"', '"b"'],
    wish: { ...subnet('10.30.0.0/24'), aux: { a: '10.30.0.9', b: '10.30.0.9' } },
  },
  {
    name: 'address in octal',
    code: 'invalid',
    words: ['010.20.0.9'],
    plugin: address('010.20.0.9'),
    docker: run('--ip', '010.20.0.9'),
  },
  { name: 'short address', code: 'invalid', words: ['10.20'], plugin: address('10.20'), docker: run('--ip', '10.20') },
  {
    name: 'address as a number',
    code: 'invalid',
    words: ['0x0a140009'],
    plugin: address('0x0a140009'),
    docker: run('--ip', '0x0a140009'),
  },
  {
    name: 'address with an option',
    code: 'invalid',
    words: ['--help'],
    plugin: address('--help'),
    docker: run('--ip=--help'),
  },
  {
    name: 'address outside the subnet',
    code: 'invalid',
    words: ['10.99.0.9'],
    plugin: address('10.99.0.9'),
    docker: run('--ip', '10.99.0.9'),
  },
  {
    name: 'address of the gateway',
    code: 'invalid',
    words: ['10.20.0.1', 'gateway'],
    plugin: address('10.20.0.1'),
    docker: run('--ip', '10.20.0.1'),
  },
  {
    name: 'address of the subnet itself',
    code: 'invalid',
    words: ['10.20.0.0', 'network address'],
    plugin: address('10.20.0.0'),
    docker: run('--ip', '10.20.0.0'),
  },
  {
    name: 'multicast MAC address',
    code: 'invalid',
    words: ['01:00:5e:00:00:01', 'unicast'],
    docker: run('--mac-address', '01:00:5e:00:00:01'),
  },
]

const LONG = 'a'.repeat(64)
const NAMES: readonly BadInput[] = [
  ...['a/b', '../etc', '..', 'a b', 'Web', 'ä', 'a.b', '-a', '--help', 'a\nb', LONG].map(
    (name): BadInput => ({
      name: `network name ${JSON.stringify(name)}`,
      code: 'invalid',
      words: ['1 to 63 of a-z, 0-9 and -', 'name like web'],
      wish: { name },
    }),
  ),
  ...['default', 'none', 'host', 'bridge', 'lo'].map(
    (name): BadInput => ({
      name: `network name ${name}, which is reserved`,
      code: 'invalid',
      words: [name, 'reserved', 'name like web'],
      wish: { name },
    }),
  ),
  { name: 'empty network name', code: 'invalid', words: ['1 to 63 of a-z'], wish: { name: '' } },
  {
    name: 'network name that is taken',
    code: 'conflict',
    words: ['taken', 'weft network rm taken'],
    wish: { name: TAKEN.name, ...subnet('10.30.0.0/24') },
  },
  {
    name: 'network name that is taken, in Docker',
    code: 'conflict',
    words: ['taken', 'already exists'],
    docker: ['network', 'create', '-d', 'weft', TAKEN.name],
  },
  {
    name: 'network that does not exist',
    code: 'not_found',
    words: ['nope', 'weft network ls'],
    cli: ['network', 'inspect', 'nope'],
    http: { method: 'GET', path: '/v1/networks/nope' },
  },
  {
    name: 'removal of what does not exist',
    code: 'not_found',
    words: ['nope', 'weft network ls'],
    cli: ['network', 'rm', 'nope'],
    http: { method: 'DELETE', path: '/v1/networks/nope?req=bad-input' },
  },
  { name: 'removal of a path', code: 'invalid', words: ['../../etc'], cli: ['network', 'rm', '../../etc'] },
  {
    name: 'update that changes nothing',
    code: 'invalid',
    words: ['nothing to change', '--label-add'],
    cli: ['network', 'update', 'taken'],
  },
  {
    name: 'update of an option that hosts know each other by',
    code: 'unsupported',
    words: ['vni=5001', 'packets by', 'weft network create'],
    cli: ['network', 'update', '--no-wait', '-o', 'vni=5001', 'taken'],
    http: { method: 'POST', path: '/v1/networks/taken/update', body: { req: 'update-vni', options: { vni: '5001' } } },
  },
  {
    name: 'update with a range of no subnet',
    code: 'invalid',
    words: ['10.99.0.0/25', '10.20.0.0/24'],
    cli: ['network', 'update', '--no-wait', '--ip-range', '10.99.0.0/25', 'taken'],
    http: {
      method: 'POST',
      path: '/v1/networks/taken/update',
      body: { req: 'update-range', ipRanges: ['10.99.0.0/25'] },
    },
  },
  {
    name: 'update with a subnet that a host has a route to',
    code: 'conflict',
    words: ['10.77.3.0/24', 'docker2', '10.77.0.0/16'],
    cli: ['network', 'update', '--no-wait', '--subnet', '10.77.3.0/24', 'taken'],
    http: {
      method: 'POST',
      path: '/v1/networks/taken/update',
      body: { req: 'update-subnet', subnets: [{ subnet: '10.77.3.0/24' }] },
    },
  },
  {
    name: 'update with an unknown field',
    code: 'invalid',
    words: ['lables', 'labels'],
    http: { method: 'POST', path: '/v1/networks/taken/update', body: { req: 'update-field', lables: { a: 'b' } } },
  },
  {
    name: 'update of a network that is not there',
    code: 'not_found',
    words: ['nope', 'taken', 'weft network ls'],
    cli: ['network', 'update', '--label-add', 'a=b', 'nope'],
    http: { method: 'POST', path: '/v1/networks/nope/update', body: { req: 'update-nope', labels: { a: 'b' } } },
  },
  {
    name: 'template without an end',
    code: 'invalid',
    words: ['{{.Name', 'unclosed'],
    cli: ['network', 'ls', '--format', '{{.Name'],
  },
  {
    name: 'template of a field that is not there',
    code: 'invalid',
    words: ['{{.Nmae}}', 'Nmae', 'Name'],
    cli: ['network', 'inspect', '-f', '{{.Nmae}}', 'taken'],
  },
  {
    name: 'prune until no time',
    code: 'invalid',
    words: ['until=soon', '24h'],
    cli: ['network', 'prune', '-f', '--filter', 'until=soon'],
  },
  { name: 'apply of no file', code: 'invalid', words: ['-f weft.yaml'], cli: ['apply'] },
  {
    name: 'apply of a file that is not there',
    code: 'not_found',
    words: ['/nowhere/weft.yaml'],
    cli: ['apply', '-f', '/nowhere/weft.yaml'],
  },
  { name: 'apply of a file that is none', code: 'invalid', words: ['/proc'], cli: ['apply', '-f', '/proc'] },
  {
    name: 'removal of an encoded path',
    code: 'not_found',
    words: ['../../etc', 'weft network ls'],
    http: { method: 'DELETE', path: '/v1/networks/..%2f..%2fetc?req=bad-input' },
  },
  {
    name: 'reference that is no encoding',
    code: 'invalid',
    words: ['%zz'],
    http: { method: 'GET', path: '/v1/networks/%zz' },
  },
  {
    name: 'reference that is too long',
    code: 'invalid',
    words: ['at most 128'],
    http: { method: 'GET', path: `/v1/networks/${'a'.repeat(200)}` },
  },
  {
    name: 'router on a host that there is not',
    code: 'not_found',
    words: ['no such host', 'nope'],
    cli: ['router', 'create', '--host', 'nope', 'r1'],
    http: { method: 'POST', path: '/v1/routers', body: { req: 'bad-input', name: 'r1', preferred: 'nope' } },
  },
  {
    name: 'router with a bad name',
    code: 'invalid',
    words: ['1 to 63'],
    cli: ['router', 'create', '../r1'],
    http: { method: 'POST', path: '/v1/routers', body: { req: 'bad-input', name: '../r1' } },
  },
  {
    name: 'router that there is not',
    code: 'not_found',
    words: ['no such router', 'nope'],
    cli: ['router', 'connect', 'nope', 'taken'],
    http: { method: 'POST', path: '/v1/routers/nope/networks', body: { req: 'bad-input', network: 'taken' } },
  },
  {
    name: 'router’s address that is none',
    code: 'invalid',
    words: ['10.20.0.300'],
    cli: ['router', 'connect', '--ip', '10.20.0.300', 'nope', 'taken'],
    http: {
      method: 'POST',
      path: '/v1/routers/nope/networks',
      body: { req: 'bad-input', network: 'taken', address: '10.20.0.300' },
    },
  },
  {
    name: 'reservation outside the subnet',
    code: 'invalid',
    words: ['10.21.0.9', '10.20.0.0/24'],
    cli: ['ip', 'reserve', 'taken', 'web', '10.21.0.9'],
    http: {
      method: 'POST',
      path: '/v1/networks/taken/reservations',
      body: { req: 'bad-input', name: 'web', addresses: ['10.21.0.9'] },
    },
  },
  {
    name: 'reservation of the gateway',
    code: 'invalid',
    words: ['10.20.0.1', 'gateway'],
    cli: ['ip', 'reserve', 'taken', 'web', '10.20.0.1'],
    http: {
      method: 'POST',
      path: '/v1/networks/taken/reservations',
      body: { req: 'bad-input', name: 'web', addresses: ['10.20.0.1'] },
    },
  },
  {
    name: 'reservation of the broadcast address',
    code: 'invalid',
    words: ['10.20.0.255', 'broadcast'],
    cli: ['ip', 'reserve', 'taken', 'web', '10.20.0.255'],
    http: {
      method: 'POST',
      path: '/v1/networks/taken/reservations',
      body: { req: 'bad-input', name: 'web', addresses: ['10.20.0.255'] },
    },
  },
  {
    name: 'reservation of two addresses of one family',
    code: 'invalid',
    words: ['10.20.0.8', '10.20.0.9', 'one IPv4'],
    cli: ['ip', 'reserve', 'taken', 'web', '10.20.0.8', '10.20.0.9'],
    http: {
      method: 'POST',
      path: '/v1/networks/taken/reservations',
      body: { req: 'bad-input', name: 'web', addresses: ['10.20.0.8', '10.20.0.9'] },
    },
  },
  {
    name: 'reservation of a word',
    code: 'invalid',
    words: ['banana'],
    cli: ['ip', 'reserve', 'taken', 'web', 'banana'],
    http: {
      method: 'POST',
      path: '/v1/networks/taken/reservations',
      body: { req: 'bad-input', name: 'web', addresses: ['banana'] },
    },
  },
  {
    name: 'reservation for a path',
    code: 'invalid',
    words: ['../web', 'letter or digit'],
    cli: ['ip', 'reserve', 'taken', '../web'],
    http: {
      method: 'POST',
      path: '/v1/networks/taken/reservations',
      body: { req: 'bad-input', name: '../web', addresses: [] },
    },
  },
  {
    name: 'reservation with a multicast MAC',
    code: 'invalid',
    words: ['01:00:5e:00:00:01', 'multicast'],
    cli: ['ip', 'reserve', '--mac', '01:00:5e:00:00:01', 'taken', 'web'],
    http: {
      method: 'POST',
      path: '/v1/networks/taken/reservations',
      body: { req: 'bad-input', name: 'web', addresses: [], mac: '01:00:5e:00:00:01' },
    },
  },
  {
    name: 'reservation in a network that does not exist',
    code: 'not_found',
    words: ['nope', 'weft network ls'],
    cli: ['ip', 'reserve', 'nope', 'web'],
    http: {
      method: 'POST',
      path: '/v1/networks/nope/reservations',
      body: { req: 'bad-input', name: 'web', addresses: [] },
    },
  },
  {
    name: 'release of what is not reserved',
    code: 'not_found',
    words: ['10.20.0.77', 'weft ip ls taken'],
    cli: ['ip', 'release', 'taken', '10.20.0.77'],
    http: { method: 'DELETE', path: '/v1/networks/taken/reservations/10.20.0.77?req=bad-input' },
  },
  {
    name: 'import from a host that does not exist',
    code: 'not_found',
    words: ['nope', 'docker1', 'weft host ls'],
    cli: ['import', 'nope', 'lan'],
    http: { method: 'GET', path: '/v1/hosts/nope/docker-networks/lan' },
  },
  {
    name: 'host that does not exist',
    code: 'not_found',
    words: ['nope', 'docker1', 'weft host ls'],
    cli: ['uplink', 'set', 'storage', 'nope=eth0'],
    http: { method: 'PUT', path: '/v1/uplinks/storage/nope', body: { req: 'bad-input', interface: 'eth0' } },
  },
  {
    name: 'uplink on an interface that the host lacks',
    code: 'invalid',
    words: ['docker1', 'eth7', 'eth0'],
    cli: ['uplink', 'set', 'storage', 'docker1=eth7'],
    http: { method: 'PUT', path: '/v1/uplinks/storage/docker1', body: { req: 'bad-input', interface: 'eth7' } },
  },
  {
    name: 'uplink on an option',
    code: 'invalid',
    words: ['--help', 'letter or digit'],
    cli: ['uplink', 'set', 'storage', 'docker1=--help'],
    http: { method: 'PUT', path: '/v1/uplinks/storage/docker1', body: { req: 'bad-input', interface: '--help' } },
  },
  {
    name: 'uplink on a name of 16 bytes',
    code: 'invalid',
    words: ['sixteenbyteslong', '15 bytes'],
    cli: ['uplink', 'set', 'storage', 'docker1=sixteenbyteslong'],
    http: {
      method: 'PUT',
      path: '/v1/uplinks/storage/docker1',
      body: { req: 'bad-input', interface: 'sixteenbyteslong' },
    },
  },
  {
    name: 'uplink with a bad name',
    code: 'invalid',
    words: ['Storage', '1 to 63'],
    cli: ['uplink', 'set', 'Storage', 'docker1=eth0'],
    http: { method: 'PUT', path: '/v1/uplinks/Storage/docker1', body: { req: 'bad-input', interface: 'eth0' } },
  },
  {
    name: 'Docker network of Weft made by hand',
    code: 'invalid',
    words: ['weft network create'],
    docker: ['network', 'create', '-d', 'weft', 'by-hand'],
    plugin: createNetwork(ID, ''),
  },
  {
    name: 'Docker network of Weft made by hand, with options',
    code: 'invalid',
    words: ['weft network create'],
    docker: [
      'network',
      'create',
      '-d',
      'weft',
      '--ipam-driver',
      'weft',
      '-o',
      'parent=--help',
      '--subnet',
      '10.30.0.0/24',
      'by-hand',
    ],
  },
  {
    name: 'network id that is an option',
    code: 'invalid',
    words: ['--help', 'weft network create'],
    plugin: createNetwork(ID, '--help'),
  },
  {
    name: 'network id that is a prototype',
    code: 'invalid',
    words: ['__proto__', 'weft network create'],
    plugin: createNetwork(ID, '__proto__'),
  },
  {
    name: 'network id that is no text',
    code: 'invalid',
    words: ['weft network create'],
    plugin: createNetwork(ID, { net: 1 }),
  },
  ...['__proto__', '../../etc', 'a b', '', 'a'.repeat(65)].map(
    (id): BadInput => ({
      name: `id of a Docker network ${JSON.stringify(id)}`,
      code: 'invalid',
      words: ['NetworkID', '1 to 64 letters and digits'],
      plugin: {
        call: 'NetworkDriver.CreateNetwork',
        body: ({ network }) => ({ NetworkID: id, Options: { 'com.docker.network.generic': { net: network } } }),
      },
    }),
  ),
  {
    name: 'pool that does not exist',
    code: 'not_found',
    words: ['../..', 'weft network ls'],
    plugin: { call: 'IpamDriver.RequestAddress', body: () => ({ PoolID: '../..', Address: '', Options: {} }) },
  },
  {
    name: 'namespace that is a way out',
    code: 'invalid',
    words: ['/run/../etc/passwd', 'absolute path'],
    plugin: {
      call: 'NetworkDriver.Join',
      body: () => ({ NetworkID: ID, EndpointID: ID, SandboxKey: '/run/../etc/passwd', Options: {} }),
    },
  },
  {
    name: 'endpoint that does not exist',
    code: 'not_found',
    words: [ID, 'start the container again'],
    plugin: {
      call: 'NetworkDriver.Join',
      body: () => ({ NetworkID: ID, EndpointID: ID, SandboxKey: '/run/nowhere', Options: {} }),
    },
  },
]

const OPTIONS: readonly BadInput[] = [
  {
    name: 'parent that is an option',
    code: 'invalid',
    words: ['--help', 'letter or digit', 'eth1.100'],
    wish: macvlan('--help'),
  },
  {
    name: 'parent that is a keyword of iproute2',
    code: 'invalid',
    words: ['br', 'docker1 has', 'eth0'],
    wish: macvlan('br'),
  },
  {
    name: 'parent that no host has',
    code: 'invalid',
    words: ['eth7.100', 'docker1 has', 'docker2 has'],
    wish: macvlan('eth7.100'),
  },
  {
    name: 'uplink that is not set',
    code: 'invalid',
    words: ['@storage', 'weft uplink set storage'],
    wish: macvlan('@storage.100'),
  },
  { name: 'uplink with a bad name', code: 'invalid', words: ['@../etc', '1 to 63'], wish: macvlan('@../etc') },
  { name: 'VLAN 0', code: 'invalid', words: ['eth0.0', '1 to 4094'], wish: macvlan('eth0.0') },
  { name: 'VLAN 4095', code: 'invalid', words: ['eth0.4095', '1 to 4094'], wish: macvlan('eth0.4095') },
  { name: 'VLAN in octal', code: 'invalid', words: ['eth0.010', 'leading zeros'], wish: macvlan('eth0.010') },
  { name: 'three VLANs', code: 'invalid', words: ['eth0.1.2.3', '2 are possible'], wish: macvlan('eth0.1.2.3') },
  {
    name: 'interface of 16 bytes',
    code: 'invalid',
    words: ['sixteenbyteslong', '15 bytes'],
    wish: macvlan('sixteenbyteslong'),
  },
  {
    name: 'sub-interface of 16 bytes',
    code: 'invalid',
    words: ['elevenbytes.4000', '16 bytes', 'IFNAMSIZ'],
    wish: macvlan('elevenbytes.4000'),
  },
  {
    name: 'ipvlan mode that is none',
    code: 'invalid',
    words: ['ipvlan_mode=l4', 'l2, l3, l3s'],
    wish: { driver: 'ipvlan', options: { parent: 'eth0', mode: 'l4' }, ...subnet('10.30.0.0/24') },
  },
  { name: 'loopback as parent', code: 'invalid', words: ['lo', 'loopback'], wish: macvlan('lo') },
  {
    name: 'parent left out',
    code: 'invalid',
    words: ['parent', '-o parent=eth1.100'],
    wish: { driver: 'macvlan', ...subnet('10.30.0.0/24') },
  },
  {
    name: 'unknown option',
    code: 'invalid',
    words: ['prent', 'did you mean parent?'],
    wish: { driver: 'macvlan', options: { prent: 'eth0' } },
  },
  {
    name: 'unknown option that is like none',
    code: 'invalid',
    words: ['wings', 'attach', 'leave it out'],
    wish: { options: { wings: '2' } },
  },
  {
    name: 'option of a driver of Docker’s own',
    code: 'invalid',
    words: ['com.docker.network.bridge.name', 'leave it out'],
    wish: { options: { 'com.docker.network.bridge.name': 'br0' } },
  },
  {
    name: 'option under two names',
    code: 'invalid',
    words: ['macvlan_mode', 'mode'],
    wish: { driver: 'macvlan', options: { parent: 'eth0', mode: 'bridge', macvlan_mode: 'vepa' } },
  },
  {
    name: 'choice that there is not',
    code: 'invalid',
    words: ['macvlan_mode=brigde', 'bridge, private'],
    wish: { driver: 'macvlan', options: { parent: 'eth0', macvlan_mode: 'brigde' } },
  },
  { name: 'VNI 0', code: 'invalid', words: ['vni=0', '1 to 16777215'], wish: { options: { vni: '0' } } },
  {
    name: 'VNI of 25 bits',
    code: 'invalid',
    words: ['vni=16777216', '1 to 16777215'],
    wish: { options: { vni: '16777216' } },
  },
  {
    name: 'VNI in hexadecimal',
    code: 'invalid',
    words: ['vni=0x10', '1 to 16777215'],
    wish: { options: { vni: '0x10' } },
  },
  {
    name: 'VNI of another network',
    code: 'conflict',
    words: ['5000', 'taken', '-o vni'],
    wish: { options: { vni: TAKEN.vni } },
  },
  { name: 'MTU of 9 bytes', code: 'invalid', words: ['mtu=9', '68 to 65535'], wish: { options: { mtu: '9' } } },
  {
    name: 'MTU larger than the underlay’s',
    code: 'invalid',
    words: ['9000', 'docker'],
    wish: { options: { mtu: '9000' } },
  },
  { name: 'UDP port 0', code: 'invalid', words: ['port=0', '1 to 65535'], wish: { options: { port: '0' } } },
  { name: 'unknown driver', code: 'invalid', words: ['overlya', 'did you mean overlay?'], wish: { driver: 'overlya' } },
  {
    name: 'driver that is a path',
    code: 'invalid',
    words: ['../../x', 'overlay, macvlan'],
    wish: { driver: '../../x' },
  },
  {
    name: 'driver that is a prototype',
    code: 'invalid',
    words: ['__proto__', 'overlay'],
    wish: { driver: '__proto__' },
  },
]

const proto = '"__proto__":{"x":1},'
const PROTOTYPES: readonly BadInput[] = [
  {
    name: '__proto__ in the request',
    code: 'invalid',
    words: ['__proto__', 'not allowed'],
    http: post(bodyWith('{', `{${proto}`)),
  },
  {
    name: '__proto__ written with escapes',
    code: 'invalid',
    words: ['__proto__', 'not allowed'],
    http: post(bodyWith('{', '{"\\u005f_proto__":1,')),
  },
  {
    name: '__proto__ among the options',
    code: 'invalid',
    words: ['__proto__', 'not allowed'],
    http: post(bodyWith('"options":{', '"options":{"__proto__":"x"')),
    cli: ['network', 'create', '-o', '__proto__=x', 'bad'],
  },
  {
    name: '__proto__ among the labels',
    code: 'invalid',
    words: ['__proto__', 'not allowed'],
    http: post(bodyWith('"labels":{', '"labels":{"__proto__":"x"')),
    cli: ['network', 'create', '--label', '__proto__=x', 'bad'],
  },
  {
    name: '__proto__ among the auxiliary addresses',
    code: 'invalid',
    words: ['__proto__', 'not allowed'],
    http: post(bodyWith('"auxAddresses":{', '"auxAddresses":{"__proto__":"10.30.0.9"', subnet('10.30.0.0/24'))),
    cli: ['network', 'create', '--subnet', '10.30.0.0/24', '--aux-address', '__proto__=10.30.0.9', 'bad'],
  },
  {
    name: '__proto__ in a subnet',
    code: 'invalid',
    words: ['__proto__', 'not allowed'],
    http: post(bodyWith('"subnets":[{', `"subnets":[{${proto}`, subnet('10.30.0.0/24'))),
  },
  {
    name: 'constructor among the labels',
    code: 'invalid',
    words: ['constructor', 'not allowed'],
    wish: { labels: { constructor: 'x' } },
  },
  {
    name: 'prototype among the auxiliary addresses',
    code: 'invalid',
    words: ['prototype', 'not allowed'],
    wish: { ...subnet('10.30.0.0/24'), aux: { prototype: '10.30.0.9' } },
  },
  {
    name: '__proto__ in a plugin call',
    code: 'invalid',
    words: ['__proto__', 'not allowed'],
    plugin: raw('NetworkDriver.CreateNetwork', `{${proto}"NetworkID":"${ID}","Options":{}}`),
  },
  {
    name: '__proto__ deep in a plugin call',
    code: 'invalid',
    words: ['__proto__', 'not allowed'],
    plugin: raw(
      'NetworkDriver.CreateNetwork',
      `{"NetworkID":"${ID}","Options":{"com.docker.network.generic":{"a":[{"__proto__":1}]}}}`,
    ),
  },
  {
    name: '__proto__ as a path',
    code: 'not_found',
    words: ['__proto__'],
    http: { method: 'GET', path: '/v1/__proto__' },
    plugin: raw('__proto__', '{}'),
  },
]

const deep = `${'['.repeat(40_000)}${']'.repeat(40_000)}`
const SHAPES: readonly BadInput[] = [
  {
    name: 'unknown field',
    code: 'invalid',
    words: ['gatway', 'did you mean gateway?'],
    http: post(bodyWith('"subnets":[{', '"subnets":[{"gatway":"10.30.0.1",', subnet('10.30.0.0/24'))),
  },
  {
    name: 'field left out',
    code: 'invalid',
    words: ['labels', 'is missing'],
    http: post({ ...bodyOf({}), labels: undefined }),
  },
  {
    name: 'field of another kind',
    code: 'invalid',
    words: ['internal "yes"', 'must be true or false'],
    http: post({ ...bodyOf({}), internal: 'yes' }),
  },
  { name: 'list instead of a request', code: 'invalid', words: ['must be an object, not a list'], http: post([]) },
  { name: 'no body', code: 'invalid', words: ['not JSON'], http: post('') },
  {
    name: 'half a body',
    code: 'invalid',
    words: ['not JSON'],
    http: post('{"req":'),
    plugin: raw('IpamDriver.RequestPool', '{"Pool":'),
  },
  {
    name: 'bottomless nesting',
    code: 'invalid',
    words: ['deeper than 32'],
    http: post(deep),
    plugin: raw('IpamDriver.RequestPool', deep),
  },
  {
    name: 'body that is no UTF-8',
    code: 'invalid',
    words: ['UTF-8'],
    http: post(Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d])),
  },
  {
    name: 'oversize body',
    code: 'invalid',
    words: ['too long', 'bytes', 'less'],
    http: post({ ...bodyOf({}), labels: { a: 'x'.repeat(2_000_000) } }),
    plugin: raw('IpamDriver.RequestPool', JSON.stringify({ Pool: 'x'.repeat(2_000_000) })),
  },
  {
    name: 'oversize label',
    code: 'invalid',
    words: ['labels', 'at most 4096 characters'],
    wish: { labels: { a: 'x'.repeat(5000) } },
  },
  {
    name: 'too many labels',
    code: 'invalid',
    words: ['labels', 'more than 64'],
    wish: { labels: Object.fromEntries(Array.from({ length: 65 }, (_, n) => [`l${n}`, 'x'])) },
  },
  {
    name: 'too many subnets',
    code: 'invalid',
    words: ['subnets', 'at most 16'],
    wish: { subnets: Array.from({ length: 17 }, (_, n) => ({ subnet: `10.30.${n}.0/24` })) },
  },
  {
    name: 'too many auxiliary addresses',
    code: 'invalid',
    words: ['41', '--ip-range'],
    wish: {
      ...subnet('10.30.0.0/24'),
      aux: Object.fromEntries(Array.from({ length: 41 }, (_, n) => [`r${n}`, `10.30.0.${n + 9}`])),
    },
  },
  {
    name: 'bad request id',
    code: 'invalid',
    words: ['../..', 'request id'],
    http: post({ ...bodyOf({}), req: '../..' }),
  },
  {
    name: 'unknown query parameter',
    code: 'invalid',
    words: ['al', 'none is taken'],
    http: { method: 'GET', path: '/v1/networks?al=1' },
  },
  {
    name: 'mistyped query parameter',
    code: 'invalid',
    words: ['hst', 'did you mean host?'],
    http: { method: 'GET', path: '/v1/endpoints?hst=docker1' },
  },
  {
    name: 'query parameter given twice',
    code: 'invalid',
    words: ['host', 'twice'],
    http: { method: 'GET', path: '/v1/endpoints?host=docker1&host=docker2' },
  },
  {
    name: 'number that is a word',
    code: 'invalid',
    words: ['timeoutMs', 'soon'],
    http: { method: 'GET', path: '/v1/status?timeoutMs=soon' },
  },
  {
    name: 'unknown path',
    code: 'not_found',
    words: ['/v1/netwroks', '/v1/networks'],
    http: { method: 'GET', path: '/v1/netwroks' },
  },
  {
    name: 'wrong method',
    code: 'invalid',
    words: ['PATCH', 'GET'],
    http: { method: 'PATCH', path: '/v1/networks', status: 405 },
  },
  {
    name: 'unknown verb of an agent',
    code: 'not_found',
    words: ['conquer', 'join, status'],
    http: { method: 'POST', path: '/v1/agent/docker1/conquer', body: {} },
  },
  {
    name: 'agent of a host with a bad name',
    code: 'invalid',
    words: ['Docker1', '1 to 63'],
    http: { method: 'POST', path: '/v1/agent/Docker1/join', body: {} },
  },
  {
    name: 'facts with a route that is none',
    code: 'invalid',
    words: ['facts.routes.0 "10.1"', '10.0.0.7'],
    http: { method: 'POST', path: '/v1/agent/docker3/join', body: joinWith({ routes: ['10.1'] }) },
  },
  {
    name: 'unknown plugin call',
    code: 'not_found',
    words: ['NetworkDriver.Conquer'],
    plugin: raw('NetworkDriver.Conquer', '{}'),
  },
  {
    name: 'plugin call without its body',
    code: 'unavailable',
    words: ['empty', 'try again'],
    plugin: raw('IpamDriver.RequestAddress', ''),
  },
  {
    name: 'plugin call with a field of another kind',
    code: 'invalid',
    words: ['PoolID 5', 'must be a text'],
    plugin: { call: 'IpamDriver.RequestAddress', body: () => ({ PoolID: 5 }) },
  },
  {
    name: 'unknown flag',
    code: 'invalid',
    words: ['--subnte', '--subnet'],
    cli: ['network', 'create', '--subnte', '10.30.0.0/24', 'bad'],
  },
  { name: 'unknown command', code: 'invalid', words: ['netwrok', 'network'], cli: ['netwrok', 'ls'] },
  {
    name: 'pair without a value',
    code: 'invalid',
    words: ['parent', 'KEY=VALUE'],
    cli: ['network', 'create', '-o', 'parent', 'bad'],
  },
  {
    name: 'key given twice',
    code: 'invalid',
    words: ['mtu', 'twice'],
    cli: ['network', 'create', '-o', 'mtu=1400', '-o', 'mtu=1300', 'bad'],
  },
]

function joinWith(facts: object): object {
  const underlay = { interface: 'eth0', address: '10.250.0.13', mtu: 1500 }
  const good = { hostname: 'docker3', kernel: '6.1', agentVersion: '0.1.0', interfaces: [], routes: [], underlay }
  return { instance: 'instance-docker3', facts: { ...good, ...facts } }
}

export const BAD_INPUTS: readonly BadInput[] = [
  ...SUBNETS,
  ...ADDRESSES,
  ...NAMES,
  ...OPTIONS,
  ...PROTOTYPES,
  ...SHAPES,
]
