/** What a controller asks of this host's engine: to find a container, connect it to a network, and take it off again. */
import { ENDPOINT_OPTIONS, type HostReply, type HostRequest, WeftError } from '@weft/shared'
import type { StateStore } from '../state/store.ts'
import { oncePerWish } from '../wishes.ts'
import type { Engine, InspectedContainer } from './engine.ts'

export interface ConnectOptions {
  readonly host: string
  readonly engine: Engine
  readonly store: StateStore
  /** Holds `<network uid> <container id>` of what is being connected. */
  readonly connecting: Set<string>
}

export function createConnector({ host, engine, store, connecting }: ConnectOptions) {
  /** The engine's own id: names may be those of other networks of the admin's. @throws `unavailable` */
  const dockerNetwork = (uid: string): string => {
    const found = Object.entries(store.current.dockerNetworks).find(([, network]) => network === uid)
    if (found !== undefined) return found[0]
    const why = 'the host has not followed yet'
    throw new WeftError('unavailable', {
      what: `Docker of ${host} has no such network`,
      on: uid,
      why,
      remedy: 'weft status',
    })
  }
  const container = async (ref: string): Promise<InspectedContainer> => {
    const found = await engine.container(ref)
    if (found !== undefined) return found
    throw new WeftError('not_found', {
      what: `no such container on ${host}`,
      on: ref,
      remedy: 'see docker ps -a there',
    })
  }

  /** The engine's own words, about the container instead of about a path of its API. */
  const refusable = async (on: string, call: () => Promise<void>): Promise<void> => {
    try {
      await call()
    } catch (thrown) {
      const { code, parts } = WeftError.from(thrown)
      const remedy = isAlone(parts.why) ? { remedy: `weft attach NETWORK --container ${on} --host ${host}` } : {}
      throw new WeftError(code, { ...parts, ...remedy, what: `Docker of ${host} refuses`, on })
    }
  }

  return {
    find: async ({ container: ref }: HostRequest<'container-find'>): Promise<HostReply<'container-find'>> => {
      const found = await engine.container(ref)
      return { found: found === undefined ? null : told(found) }
    },
    connect: oncePerWish(async (request: HostRequest<'network-connect'>): Promise<HostReply<'network-connect'>> => {
      const found = await container(request.container)
      const network = dockerNetwork(request.network)
      const pair = `${request.network} ${found.Id}`
      connecting.add(pair)
      try {
        await refusable(request.container, () => engine.connectNetwork(network, connectBody(found.Id, request)))
      } finally {
        connecting.delete(pair)
      }
      return { container: told(found) }
    }),
    disconnect: oncePerWish(
      async (request: HostRequest<'network-disconnect'>): Promise<HostReply<'network-disconnect'>> => {
        const found = await container(request.container)
        const network = dockerNetwork(request.network)
        const body = { Container: found.Id, Force: request.force }
        await refusable(request.container, () => engine.disconnectNetwork(network, body))
        return { container: told(found) }
      },
    ),
  }
}

/** In Docker's words: the container is of --network none, on which Docker puts nothing else. */
function isAlone(why = ''): boolean {
  return /private \(none\) mode|network mode none/i.test(why)
}

function told({ Id, Name }: InspectedContainer) {
  return { id: Id, name: Name.replace(/^\//, '') }
}

/**
 * Body of `POST /networks/{id}/connect`. What engines before 25 and 28 have no field for (MAC, gateway priority, interface
 * name) goes as options of the endpoint, which Docker keeps with the container.
 */
export function connectBody(
  container: string,
  wish: Omit<HostRequest<'network-connect'>, 'req' | 'network' | 'container'>,
) {
  const { ip, ip6, aliases, driverOpts } = wish
  const own = Object.entries(ENDPOINT_OPTIONS).flatMap(([field, option]) => {
    const value = wish[field as keyof typeof ENDPOINT_OPTIONS]
    return value === undefined ? [] : [[option, String(value)]]
  })
  const given = { ...driverOpts, ...Object.fromEntries(own) }
  return {
    Container: container,
    EndpointConfig: {
      ...(ip === undefined && ip6 === undefined
        ? {}
        : {
            IPAMConfig: {
              ...(ip === undefined ? {} : { IPv4Address: ip }),
              ...(ip6 === undefined ? {} : { IPv6Address: ip6 }),
            },
          }),
      ...(aliases.length === 0 ? {} : { Aliases: aliases }),
      ...(Object.keys(given).length === 0 ? {} : { DriverOpts: given }),
    },
  }
}
