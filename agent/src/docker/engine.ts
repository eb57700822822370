/**
 * Docker's Engine API over its unix socket: the calls that Weft makes, their answers read with tolerance, since newer
 * engines add fields. Every call has a deadline: at an engine's boot the socket accepts and nothing answers (DOCKER.md 1.5).
 */
import { Protocol, WeftError } from '@weft/shared'
import { z } from 'zod'
import { EngineSocket } from './engine-socket.ts'

const nullable = <S extends z.ZodType>(schema: S) => schema.nullish().transform((value) => value ?? undefined)
const TextMap = nullable(z.record(z.string(), z.string()))

const Version = z.object({ Version: z.string(), ApiVersion: z.string(), MinAPIVersion: z.string().optional() })
const Info = z.object({ DockerRootDir: z.string(), Driver: z.string(), LiveRestoreEnabled: z.boolean().default(false) })

export const DockerNetwork = z.object({
  Id: z.string(),
  Name: z.string(),
  Driver: z.string(),
  Labels: TextMap,
  Options: TextMap,
  IPAM: nullable(z.object({ Options: TextMap })),
})
export type DockerNetwork = z.infer<typeof DockerNetwork>

const PublishedPorts = z.array(
  z.object({
    Names: nullable(z.array(z.string())),
    Ports: nullable(
      z.array(
        z.object({
          IP: z.string().default(''),
          PublicPort: z.number().default(0),
          Type: z.string(),
        }),
      ),
    ),
  }),
)

export interface EnginePort {
  readonly container: string
  readonly protocol: Protocol
  readonly hostPort: number
  /** Absent: all addresses. */
  readonly hostIp?: string
}

export const InspectedNetwork = z.object({
  Id: z.string(),
  Name: z.string(),
  Driver: z.string(),
  Internal: z.boolean().default(false),
  Options: TextMap,
  Labels: TextMap,
  IPAM: z.object({
    Config: nullable(
      z.array(
        z.object({
          Subnet: z.string().default(''),
          Gateway: z.string().default(''),
          IPRange: z.string().default(''),
          AuxiliaryAddresses: TextMap,
        }),
      ),
    ),
  }),
})
export type InspectedNetwork = z.infer<typeof InspectedNetwork>

const EndpointSettings = z.object({
  NetworkID: z.string().default(''),
  EndpointID: z.string().default(''),
  IPAddress: z.string().default(''),
  GlobalIPv6Address: z.string().default(''),
  MacAddress: z.string().optional(),
  IPAMConfig: nullable(
    z.object({ IPv4Address: z.string().default(''), IPv6Address: z.string().default('') }),
  ).optional(),
  Aliases: nullable(z.array(z.string())),
  DNSNames: nullable(z.array(z.string())),
})

export type EndpointSettings = z.infer<typeof EndpointSettings>

export const DockerContainer = z.object({
  Id: z.string(),
  Names: nullable(z.array(z.string())),
  State: z.string().default(''),
  NetworkSettings: nullable(z.object({ Networks: nullable(z.record(z.string(), EndpointSettings)) })),
})
export type DockerContainer = z.infer<typeof DockerContainer>

export const InspectedContainer = z.object({
  Id: z.string(),
  Name: z.string(),
  State: z.object({
    Running: z.boolean(),
    Pid: z.number().default(0),
    Error: z.string().default(''),
    Status: z.string().default(''),
  }),
  Config: nullable(z.object({ Hostname: z.string().default('') })),
  HostConfig: nullable(
    z.object({
      NetworkMode: z.string().default(''),
      RestartPolicy: nullable(z.object({ Name: z.string().default('') })),
    }),
  ),
  NetworkSettings: z.object({
    SandboxKey: z.string().default(''),
    Networks: nullable(z.record(z.string(), EndpointSettings)),
  }),
})
export type InspectedContainer = z.infer<typeof InspectedContainer>

export interface NetworkCreate {
  readonly Name: string
  readonly CheckDuplicate: true
  readonly Driver: string
  readonly Internal: boolean
  /** Engines before 28 do not know it and want an IPv4 pool always. */
  readonly EnableIPv4: boolean
  readonly EnableIPv6: boolean
  readonly Options: Readonly<Record<string, string>>
  readonly Labels: Readonly<Record<string, string>>
  readonly IPAM: {
    readonly Driver: string
    readonly Options: Readonly<Record<string, string>>
    readonly Config: readonly {
      readonly Subnet: string
      readonly IPRange?: string
      readonly Gateway?: string
      readonly AuxiliaryAddresses?: Readonly<Record<string, string>>
    }[]
  }
}

/** The API that Weft was written against; engines 20.10 to 28 speak it. */
const WANTED_API = '1.41'
const CALL_MS = 10_000
/** Under the controller's patience: what the engine says should still be heard. */
const CONNECT_MS = 11_000

export class Engine {
  readonly #socket: EngineSocket
  #api: string | undefined

  constructor(socket: string) {
    this.#socket = new EngineSocket(socket)
  }

  /** Asks for the engine's version and settles on an API version; to be called again after each reconnect. */
  async version(): Promise<string> {
    const found = Version.parse(await this.#socket.json('GET', '/version', undefined, 5_000))
    this.#api = chooseApi(found)
    return found.Version
  }

  async info(): Promise<z.infer<typeof Info>> {
    return Info.parse(await this.#call('GET', '/info'))
  }

  async networks(): Promise<DockerNetwork[]> {
    return z.array(DockerNetwork).parse(await this.#call('GET', '/networks'))
  }

  /** By name or id; undefined when there is none. */
  async network(ref: string): Promise<InspectedNetwork | undefined> {
    const found = await orAbsent(this.#call('GET', `/networks/${encodeURIComponent(ref)}`))
    return found === undefined ? undefined : InspectedNetwork.parse(found)
  }

  async createNetwork(body: NetworkCreate): Promise<string> {
    return z.object({ Id: z.string() }).parse(await this.#call('POST', '/networks/create', body, 30_000)).Id
  }

  /** Absent counts as removed. */
  async removeNetwork(id: string): Promise<void> {
    await orAbsent(this.#call('DELETE', `/networks/${encodeURIComponent(id)}`, undefined, 30_000))
  }

  /** Body: as the Engine API's EndpointConfig has it. @throws the engine's refusal, with its text */
  async connectNetwork(id: string, body: unknown): Promise<void> {
    await this.#call('POST', `/networks/${encodeURIComponent(id)}/connect`, body, CONNECT_MS)
  }

  async disconnectNetwork(id: string, body: { readonly Container: string; readonly Force: boolean }): Promise<void> {
    await this.#call('POST', `/networks/${encodeURIComponent(id)}/disconnect`, body, CONNECT_MS)
  }

  /** All containers, stopped ones too. */
  async containers(): Promise<DockerContainer[]> {
    return z.array(DockerContainer).parse(await this.#call('GET', '/containers/json?all=1'))
  }

  /** Ports that Docker itself has opened on the host for running containers. */
  async publishedPorts(): Promise<EnginePort[]> {
    const containers = PublishedPorts.parse(await this.#call('GET', '/containers/json'))
    return containers.flatMap(({ Names, Ports }) =>
      (Ports ?? []).flatMap(({ IP, PublicPort, Type }) => {
        const protocol = Protocol.safeParse(Type)
        if (PublicPort === 0 || !protocol.success) return []
        const container = (Names?.[0] ?? '?').replace(/^\//, '')
        const hostIp = IP === '' || IP === '0.0.0.0' || IP === '::' ? {} : { hostIp: IP }
        return [{ container, protocol: protocol.data, hostPort: PublicPort, ...hostIp }]
      }),
    )
  }

  /** Undefined when there is none. Waits while the engine starts or stops the container. */
  async container(id: string): Promise<InspectedContainer | undefined> {
    const found = await orAbsent(this.#call('GET', `/containers/${encodeURIComponent(id)}/json`, undefined, 30_000))
    return found === undefined ? undefined : InspectedContainer.parse(found)
  }

  async startContainer(id: string): Promise<void> {
    await orAbsent(this.#call('POST', `/containers/${encodeURIComponent(id)}/start`, undefined, 60_000))
  }

  /** Events of containers and networks, one object a line, until the engine or the signal ends the stream. */
  async *events(sinceSeconds: number | undefined, signal: AbortSignal): AsyncGenerator<unknown> {
    const filters = encodeURIComponent(JSON.stringify({ type: ['container', 'network'] }))
    const since = sinceSeconds === undefined ? '' : `&since=${sinceSeconds}`
    const response = await this.#socket.open(`/v${this.#api ?? WANTED_API}/events?filters=${filters}${since}`, signal)
    let rest = ''
    response.setEncoding('utf8')
    for await (const chunk of response as AsyncIterable<string>) {
      const lines = (rest + chunk).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) if (line.trim() !== '') yield JSON.parse(line)
    }
  }

  #call(method: string, path: string, body?: unknown, timeoutMs = CALL_MS): Promise<unknown> {
    return this.#socket.json(method, `/v${this.#api ?? WANTED_API}${path}`, body, timeoutMs)
  }
}

/** Our version, moved into what the engine takes. */
export function chooseApi(found: { ApiVersion: string; MinAPIVersion?: string | undefined }): string {
  const least = found.MinAPIVersion ?? '1.12'
  if (compareVersions(WANTED_API, least) < 0) return least
  return compareVersions(WANTED_API, found.ApiVersion) > 0 ? found.ApiVersion : WANTED_API
}

function compareVersions(a: string, b: string): number {
  const [[a1 = 0, a2 = 0], [b1 = 0, b2 = 0]] = [a.split('.').map(Number), b.split('.').map(Number)]
  return a1 === b1 ? a2 - b2 : a1 - b1
}

async function orAbsent(call: Promise<unknown>): Promise<unknown> {
  try {
    return await call
  } catch (error) {
    if (error instanceof WeftError && error.code === 'not_found') return undefined
    throw error
  }
}
