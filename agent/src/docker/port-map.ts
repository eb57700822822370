/** What `docker run -p` asks for, as Docker hands it to a network driver whose containers it does not publish itself. */
import { formatAddress, hasOwnGateway, type PublishedPort, parseAddress, WeftError } from '@weft/shared'
import { z } from 'zod'
import { networkOf } from '../state/networks.ts'
import type { LocalRecord } from '../state/records.ts'
import type { StateStore } from '../state/store.ts'
import { hasOtherWayOut, isUnseenByDocker } from '../state/ways-out.ts'

export interface PortMapOptions {
  readonly store: StateStore
  /** @throws `conflict` naming who has a port that the endpoint of that uid is to have */
  readonly refuseTaken: (ports: readonly PublishedPort[], uid: string) => Promise<void>
}

const PORT_MAP = 'com.docker.network.portmap'
/** IANA's protocol numbers. */
const PROTOCOLS: Readonly<Record<number, PublishedPort['protocol']>> = { 6: 'tcp', 17: 'udp' }

const PortMap = z.array(
  z.object({
    Proto: z.number(),
    Port: z.number().int(),
    HostIP: z.string().default(''),
    HostPort: z.number().int().default(0),
    HostPortEnd: z.number().int().default(0),
  }),
)

/**
 * The ports of an endpoint's options; none without a port map.
 * @throws `unsupported` for a protocol that is neither TCP nor UDP, and for a host port that Docker leaves to chance:
 * `docker ps` could not show which one it became
 */
export function portsOf(options: Readonly<Record<string, unknown>>): PublishedPort[] {
  return PortMap.parse(options[PORT_MAP] ?? []).map(({ Proto, Port, HostIP, HostPort, HostPortEnd }) => {
    const protocol = PROTOCOLS[Proto]
    if (protocol === undefined) throw refused(`protocol ${Proto}`, 'tcp and udp are published', 'leave it out')
    if (HostPort === 0 || (HostPortEnd !== 0 && HostPortEnd !== HostPort)) {
      const remedy = `name one: -p ${HostPort === 0 ? 8080 : HostPort}:${Port}`
      throw refused(`-p ${Port}`, 'its host port is left to chance, and docker ps could not show it', remedy)
    }
    const hostIp = HostIP === '' || HostIP === '0.0.0.0' || HostIP === '::' ? undefined : parseAddress(HostIP)
    return {
      protocol,
      ...(hostIp === undefined ? {} : { hostIp: formatAddress(hostIp) }),
      hostPort: HostPort,
      port: Port,
    }
  })
}

/** What `-p` asks for where Docker, seeing no way out, will not ask for it (ProgramExternalConnectivity): out of Join's options. */
export async function portsOfUnseen(
  { store, refuseTaken }: PortMapOptions,
  record: LocalRecord | undefined,
  sandbox: string,
  joinOptions: Readonly<Record<string, unknown>>,
): Promise<PublishedPort[]> {
  const { endpoints, entries } = store.current
  const network = record === undefined ? undefined : networkOf(entries, record.network)
  if (record === undefined || network === undefined || !hasOwnGateway(network)) return []
  if (!isUnseenByDocker(record, entries) || hasOtherWayOut(endpoints, entries, record.uid, sandbox)) return []
  const ports = portsOf(joinOptions)
  if (ports.length > 0) await refuseTaken(ports, record.uid)
  return ports
}

function refused(on: string, why: string, remedy: string): WeftError {
  return new WeftError('unsupported', { what: 'port cannot be published on this network', on, why, remedy })
}
