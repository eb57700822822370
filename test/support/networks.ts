/** Builders for networks, endpoints and hosts, as the plan and the drivers take them. */
import {
  type Attachment,
  type DriverHost,
  deriveMac,
  EMPTY_HOST_STATE,
  type HostState,
  interfaceName,
  type LocalEndpoint,
  type NetworkSpec,
  type RemoteEndpoint,
} from '@weft/shared'

/** A valid uid that ends in the given word of base32 digits. */
export function uid(word: string): string {
  return word.padStart(20, '0')
}

export function aHost(overrides: Partial<DriverHost> = {}): DriverHost {
  const nic = (name: string, last: string) => ({
    name,
    mtu: 1500,
    mac: `02:00:00:00:ee:${last}`,
    up: true,
    kind: 'device',
    addresses: [],
  })
  return {
    underlay: { interface: 'eth0', address: '192.0.2.1', mtu: 1500 },
    interfaces: [nic('eth0', '00'), nic('eth1', '01')],
    uplinks: { storage: 'eth1' },
    ...overrides,
  }
}

/** What a kernel shows of the host before Weft does anything. */
export function bareKernel(host: DriverHost): HostState {
  return {
    ...EMPTY_HOST_STATE,
    links: host.interfaces.map(({ name, mtu, mac, up }) => ({
      kind: 'other',
      netns: '',
      name,
      mtu,
      mac,
      up,
      master: null,
      owned: false,
    })),
  }
}

export function aNetwork(overrides: Partial<NetworkSpec> = {}): NetworkSpec {
  return {
    uid: uid('n1'),
    name: 'mynet',
    driver: 'overlay',
    options: {},
    labels: {},
    internal: false,
    egress: 'docker',
    vni: 4097,
    subnets: [
      { uid: uid('s1'), cidr: '10.64.0.0/16', auxAddresses: {} },
      { uid: uid('s2'), cidr: 'fd00::/64', auxAddresses: {} },
    ],
    ...overrides,
  }
}

/** The `index`th endpoint of the host, in the given phase. */
export function aLocal(
  index: number,
  phase: Attachment['phase'] = 'new',
  overrides: Partial<LocalEndpoint> = {},
): LocalEndpoint {
  const id = uid(`e${index}`)
  const own = { netns: '', name: interfaceName('container', id) }
  const sandbox = `/var/run/docker/netns/c${index}`
  const attachments: Record<Attachment['phase'], Attachment> = {
    new: { phase: 'new', link: own },
    'in-flight': { phase: 'in-flight', link: own, sandbox },
    sandbox: { phase: 'sandbox', link: { netns: sandbox, name: 'eth0' } },
    placed: { phase: 'placed', link: { netns: '', name: interfaceName('shim', id) }, role: 'shim' },
  }
  return {
    uid: id,
    mac: deriveMac(`test/${id}`),
    addresses: [`10.64.0.${index + 1}/24`, `fd00::${(index + 1).toString(16)}/64`],
    gateways: [],
    attachment: attachments[phase],
    name: `c${index}`,
    ...overrides,
  }
}

export function aRemote(index: number, vtep = '192.0.2.2'): RemoteEndpoint {
  const id = uid(`r${index}`)
  return {
    uid: id,
    mac: deriveMac(`test/${id}`),
    addresses: [`10.64.${128 + (index >> 8)}.${index & 0xff}`, `fd00::1:${index.toString(16)}`],
    vtep,
  }
}
