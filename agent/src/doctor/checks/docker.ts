/** The engine and the traps of its version (DOCKER.md 0 and 1.5). */
import { WeftError } from '@weft/shared'
import { type DockerFacts, type HostEnv, hostCheck, type Verdict } from './check.ts'

interface Facts {
  readonly engine: DockerFacts | { readonly trouble: string }
  /** Networks of this host whose containers leave through Docker's own gateway bridge. */
  readonly throughGateway: readonly string[]
  readonly keeping: HostEnv['keeping']
}

const GATEWAY_BRIDGE = 'docker_gwbridge'
/** Since when engines have what Weft relies on. */
const FLOOR = { major: 20, minor: 10 } as const

export const docker = hostCheck<Facts>({
  name: 'docker',
  probe: async (env) => ({
    engine: await env.docker().catch((error: unknown) => ({ trouble: WeftError.from(error).message })),
    throughGateway: env.networks
      .filter(({ uid, egress }) => egress === 'docker' && env.partOf.has(uid))
      .map(({ name }) => name),
    keeping: env.keeping,
  }),
  judge: ({ engine, throughGateway, keeping }) => {
    if ('trouble' in engine) {
      const why = 'no container can be started or connected'
      return [{ severity: 'error', measured: engine.trouble, why, remedy: 'systemctl status docker' }]
    }
    return [judgeVersion(engine), ...judgeGateway(engine, throughGateway), ...judgeKept(keeping)]
  },
})

function judgeVersion({ version, liveRestore }: DockerFacts): Verdict {
  const restore = liveRestore ? 'live-restore on' : 'live-restore off: containers end with dockerd'
  const measured = `Docker ${version}, ${restore}`
  const [major = 0, minor = 0] = version.split('.').map((part) => Number.parseInt(part, 10))
  if (Number.isNaN(major) || major < FLOOR.major || (major === FLOOR.major && minor < FLOOR.minor)) {
    const why = 'its plugin protocol is older than what Weft relies on'
    return { severity: 'error', measured, why, remedy: 'install Docker 20.10 or newer: apt-get install docker.io' }
  }
  if (major >= 29 && liveRestore) {
    return {
      severity: 'warn',
      measured,
      why: 'after its restart with live-restore, connecting a running container to one more network may fail (moby#53089)',
      remedy:
        'restart the container before docker network connect, or set "live-restore": false in /etc/docker/daemon.json',
    }
  }
  if (major > FLOOR.major) return { severity: 'ok', measured }
  return {
    severity: 'ok',
    measured,
    why: 'Docker 20.10 drops the IPv6 default route of a container that joins a second network',
    remedy: 'install a newer Docker where containers are on several networks with IPv6',
  }
}

function judgeGateway({ networks }: DockerFacts, throughGateway: readonly string[]): Verdict[] {
  if (throughGateway.length === 0 || networks.includes(GATEWAY_BRIDGE)) return []
  return [
    {
      severity: 'error',
      measured: `Docker has no network ${GATEWAY_BRIDGE}`,
      why: `containers of ${throughGateway.join(', ')} leave through it; without it they reach nothing outside and -p publishes nothing`,
      remedy: `docker network create -d bridge -o com.docker.network.bridge.name=${GATEWAY_BRIDGE} -o com.docker.network.bridge.enable_icc=false -o com.docker.network.bridge.enable_ip_masquerade=true ${GATEWAY_BRIDGE}`,
    },
  ]
}

function judgeKept(keeping: Facts['keeping']): Verdict[] {
  if (keeping.length === 0) return []
  const ways = keeping.map(({ name, network, egress }) => `${name} of ${network} keeps egress=${egress}`)
  return [
    {
      severity: 'warn',
      measured: ways.join('; '),
      why: 'the network has egress=docker by now, and Docker gives a container its own bridge only when it starts it',
      remedy: `docker restart ${keeping.map(({ name }) => name).join(' ')}`,
    },
  ]
}
