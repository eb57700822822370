/** The networks that are measured side by side, each made on both lab hosts as its own users would make it. */
import { execIn, type Lab } from '../../cli/src/lab/index.ts'

export interface BenchNetwork {
  /** As it is called in the tables. */
  readonly label: string
  /** Docker's name of it on every host. */
  readonly network: string
  make(lab: Lab): Promise<void>
}

async function run(lab: Lab, host: string, ...argv: string[]): Promise<string> {
  const { code, stdout, stderr } = await execIn(lab, host, argv)
  if (code !== 0) throw new Error(`${host}: ${argv.join(' ')}: ${stderr || stdout}`)
  return stdout.trim()
}

export function weft(label: string, network: string, ...flags: string[]): BenchNetwork {
  const create = ['npx', '--no-install', 'weft', 'network', 'create', ...flags, network]
  return { label, network, make: async (lab) => void (await run(lab, 'controller', ...create)) }
}

export const SWARM: BenchNetwork = {
  label: 'Swarm overlay',
  network: 'swarm-overlay',
  make: async (lab) => {
    await run(lab, 'docker1', 'docker', 'swarm', 'init', '--advertise-addr', '10.250.0.11')
    const token = await run(lab, 'docker1', 'docker', 'swarm', 'join-token', '-q', 'worker')
    await run(lab, 'docker2', 'docker', 'swarm', 'join', '--token', token, '10.250.0.11:2377')
    const flags = ['-d', 'overlay', '--attachable', '--internal', '--subnet', '10.91.0.0/24']
    await run(lab, 'docker1', 'docker', 'network', 'create', ...flags, 'swarm-overlay')
  },
}

export const DOCKER_MACVLAN: BenchNetwork = {
  label: 'Docker macvlan',
  network: 'docker-macvlan',
  make: async (lab) => {
    for (const [index, host] of lab.hosts.entries()) {
      const range = `10.92.0.${64 * (index + 1)}/26`
      const flags = ['-d', 'macvlan', '--subnet', '10.92.0.0/24', '--ip-range', range, '-o', 'parent=eth0']
      await run(lab, host.name, 'docker', 'network', 'create', ...flags, 'docker-macvlan')
    }
  },
}

/** All internal, so that the gateway bridge of the engine is in none of them. */
export const NETWORKS: readonly BenchNetwork[] = [
  SWARM,
  DOCKER_MACVLAN,
  weft('Weft overlay (bridge)', 'weft-bridge', '--internal', '--subnet', '10.93.0.0/24'),
  weft('Weft overlay (macvlan)', 'weft-direct', '--internal', '-o', 'attach=macvlan', '--subnet', '10.94.0.0/24'),
  weft('Weft macvlan', 'weft-macvlan', '-d', 'macvlan', '-o', 'parent=eth0', '--internal', '--subnet', '10.95.0.0/24'),
]
