/** Published ports as a kind of the declarative layer: a list, for a port has no name. */
import {
  EndpointName,
  formatHostSide,
  formatPublication,
  Name,
  PublicationRequest,
  type PublicationView,
} from '@weft/shared'
import { z } from 'zod'
import type { Kind, Step } from './kind.ts'
import { told } from './scalars.ts'

const { protocol, hostIp, hostPort, port, on } = PublicationRequest.shape

const PublicationFile = z.strictObject({
  container: EndpointName.meta({ description: 'its name; there need not be such a container yet' }),
  network: Name.meta({ description: 'one whose way out is Weft’s own gateway (`egress: weft`)' }),
  port: port.meta({ description: 'the container’s' }),
  host_port: hostPort.meta({ description: 'the hosts’' }),
  host_ip: hostIp.meta({ description: 'an address of the host; all when left out' }),
  protocol: protocol.default('tcp'),
  on: on.default('own').meta({ description: 'the host that runs the container, all, or a list of hosts' }),
})
type PublicationFile = z.output<typeof PublicationFile>

export const PublicationsFile = z.preprocess(
  (value) => (isEmptyMap(value) ? [] : value),
  z.array(PublicationFile).max(1000),
)

/** What an empty section is read as. */
function isEmptyMap(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length === 0
}

export const publications: Kind<z.output<typeof PublicationsFile>> = {
  key: 'publications',
  summary: 'Ports of containers, opened on hosts.',
  names: [],
  schema: PublicationsFile,
  async read(client) {
    const present = (await client.call('publicationList', { query: {} })).map((view) => ({ view, file: fileOf(view) }))
    return {
      described: present.length === 0 ? undefined : present.map(({ file }) => written(file)),
      steps: (wanted) => {
        const known = new Set(present.map(({ file }) => identity(file)))
        const asked = new Set(wanted.map(identity))
        const ports = new Set(wanted.map(hostSide))
        const gone = present.filter(({ file }) => !asked.has(identity(file)))
        return [
          ...gone.map(({ view, file }) => removal(view, !ports.has(hostSide(file)))),
          ...wanted.filter((file) => !known.has(identity(file))).map(creation),
        ]
      },
    }
  },
}

function fileOf(view: PublicationView): PublicationFile {
  const { container, network, hostPort: host_port, hostIp: host_ip } = view
  return { container, network: network.name, port: view.port, host_port, host_ip, protocol: view.protocol, on: view.on }
}

function written({ protocol: kind, on: place, ...file }: PublicationFile): object {
  return told({ ...file, protocol: kind === 'tcp' ? undefined : kind, on: place === 'own' ? undefined : place })
}

/** Whatever is claimed of the hosts: another target for it takes the old one's place. */
function hostSide(file: PublicationFile): string {
  const { protocol: kind, host_port, host_ip } = file
  return `${formatHostSide({ hostPort: host_port, ...(host_ip === undefined ? {} : { hostIp: host_ip }) })}/${kind}`
}

function identity(file: PublicationFile): string {
  const place = Array.isArray(file.on) ? [...file.on].sort().join(',') : file.on
  return [hostSide(file), file.port, file.container, file.network, place].join(' ')
}

function requestOf(file: PublicationFile, req: string): z.input<typeof PublicationRequest> {
  const { host_port, host_ip, ...rest } = file
  return { ...rest, req, hostPort: host_port, ...(host_ip === undefined ? {} : { hostIp: host_ip }) }
}

function creation(file: PublicationFile): Step {
  const { container, network, on: place } = file
  return {
    verb: 'create',
    subject: `publication ${formatPublication(requestOf(file, ''))} of ${container} in ${network}`,
    needs: [`network ${network} `],
    frees: [],
    fixed: [],
    where: Array.isArray(place) ? { hosts: place } : place === 'all' ? { network: undefined } : { hosts: [] },
    async check(client) {
      await client.call('networkInspect', { params: { ref: network } })
      return { changes: [{ what: 'on', after: onText(place) }], warnings: [] }
    },
    async run(client, newRequestId) {
      return (await client.call('publicationCreate', { body: requestOf(file, newRequestId()) })).revision
    },
  }
}

function removal(view: PublicationView, prune: boolean): Step {
  return {
    verb: 'remove',
    subject: `publication ${formatPublication(view)} of ${view.container} in ${view.network.name} (${view.uid})`,
    needs: [],
    frees: [`remove network ${view.network.name} `, 'create publication '],
    ...(prune ? { prune } : {}),
    fixed: [],
    where: { hosts: view.target === undefined ? [] : [view.target.host] },
    check: async () => ({ changes: [{ what: 'on', before: onText(view.on) }], warnings: [] }),
    async run(client, newRequestId) {
      const query = { req: newRequestId() }
      return (await client.call('publicationRemove', { params: { ref: view.uid }, query })).revision
    },
  }
}

function onText(place: PublicationFile['on']): string {
  return place === 'own' ? 'the host that runs it' : place === 'all' ? 'all hosts' : place.join(', ')
}
