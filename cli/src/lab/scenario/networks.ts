/** Making the networks of the scenario and looking for them where Docker's users look. */
import { type Check, expect, on, weft } from './check.ts'

/** Names and subnets that the other checks use. */
export const OVERLAY = { name: 'mynet', subnet: '10.20.0.0/24' }
export const WIRE = { name: 'wire', subnet: '10.30.0.0/24', gateway: '10.30.0.1' }
export const DUAL = { name: 'dual', subnet: '10.21.0.0/24', subnet6: 'fd21::/64' }

async function onEveryHost(lab: Parameters<Check['run']>[0], network: string): Promise<string> {
  const drivers = await Promise.all(
    lab.hosts.map((host) => on(lab, host.name, 'docker', 'network', 'inspect', '-f', '{{.Driver}}', network)),
  )
  expect(
    drivers.every((driver) => driver === 'weft'),
    `every host's Docker has ${network}`,
    drivers,
  )
  return `docker network ls shows it on ${lab.hosts.length} hosts`
}

export const NETWORK_CHECKS: readonly Check[] = [
  {
    name: 'create an overlay network',
    async run(lab) {
      await weft(lab, 'network', 'create', '--subnet', OVERLAY.subnet, OVERLAY.name)
      return await onEveryHost(lab, OVERLAY.name)
    },
  },
  {
    name: "create a macvlan network on the hosts' eth0",
    async run(lab) {
      const flags = ['-d', 'macvlan', '--subnet', WIRE.subnet, '--gateway', WIRE.gateway, '-o', 'parent=eth0']
      await weft(lab, 'network', 'create', ...flags, WIRE.name)
      return await onEveryHost(lab, WIRE.name)
    },
  },
  {
    name: 'create a dual-stack overlay network',
    async run(lab) {
      await weft(lab, 'network', 'create', '--ipv6', '--subnet', DUAL.subnet, '--subnet', DUAL.subnet6, DUAL.name)
      return await onEveryHost(lab, DUAL.name)
    },
  },
  {
    name: 'status --wait: every host has applied it',
    async run(lab) {
      const text = await weft(lab, 'status', '--wait', '--timeout', '20s', '--format', 'json')
      const status = JSON.parse(text) as { converged: boolean; hosts: { id: string; converged: boolean }[] }
      expect(status.converged && status.hosts.length === lab.hosts.length, 'every host converged', status)
      return status.hosts.map((host) => host.id).join(', ')
    },
  },
]
