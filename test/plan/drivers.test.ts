/** Every driver of the registry, through one suite. A driver that is new brings its samples here or is run without options. */
import { drivers } from '@weft/shared'
import { type DriverSample, driverConformance } from '../conformance/driver.ts'

const VLAN_OF_ADMIN = {
  interfaces: ['eth0', 'eth1', 'eth1.100'].map((name, index) => ({
    name,
    mtu: 1500,
    mac: `02:00:00:00:ee:0${index}`,
    up: true,
    kind: index === 2 ? 'vlan' : 'device',
    addresses: [],
  })),
}

const SAMPLES: Readonly<Record<string, readonly DriverSample[]>> = {
  overlay: [
    { title: 'attach=bridge', options: {} },
    { title: 'attach=macvlan', options: { attach: 'macvlan' } },
    { title: 'parted', options: { icc: 'false' } },
    { title: 'parted, attach=macvlan', options: { icc: 'false', attach: 'macvlan' } },
    { title: 'unguarded', options: { spoof_check: 'off' } },
    { title: 'flood list', options: { flood: 'true', port: '8472' } },
    {
      title: 'IPv6 underlay',
      options: {},
      host: { underlay: { interface: 'eth0', address: '2001:db8::1', mtu: 1500 } },
    },
  ],
  macvlan: [
    { title: 'interface', options: { parent: 'eth1' } },
    { title: 'VLAN', options: { parent: 'eth1.100', mode: 'private' } },
    { title: 'parted', options: { parent: 'eth1', icc: 'false' } },
    { title: 'unguarded', options: { parent: 'eth1', spoof_check: 'off' } },
    { title: 'VLAN in VLAN', options: { parent: 'eth1.100.200', macvlan_mode: 'vepa' } },
    { title: 'logical uplink', options: { parent: '@storage.100' } },
    { title: 'passthru', options: { parent: 'eth1', mode: 'passthru' }, maxEndpoints: 1 },
  ],
  ipvlan: [
    { title: 'interface', options: { parent: 'eth1' } },
    { title: 'parted', options: { parent: 'eth1', icc: 'false' } },
    { title: 'l3 on a VLAN', options: { parent: 'eth1.100', mode: 'l3', flag: 'private' } },
    { title: 'l3s on a logical uplink', options: { parent: '@storage.100', ipvlan_mode: 'l3s', ipvlan_flag: 'vepa' } },
  ],
  bridge: [
    { title: 'no parent', options: {} },
    { title: 'parted on a VLAN', options: { parent: 'eth1.100', icc: 'false' } },
    { title: 'interface', options: { parent: 'eth1' } },
    { title: 'VLAN', options: { parent: 'eth1.100' } },
    { title: 'VLAN in VLAN', options: { parent: '@storage.100.200' } },
    { title: 'VLAN of the admin', options: { parent: 'eth1.100' }, host: VLAN_OF_ADMIN },
  ],
}

for (const driver of drivers())
  driverConformance(driver, SAMPLES[driver.name] ?? [{ title: 'no options', options: {} }])
