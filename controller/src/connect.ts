/**
 * A container of whichever host, onto a network and off it. The host is the one that was named, the one whose endpoints
 * name the container, or, for a container that is on no network of ours yet, the one whose engine says that it has it.
 */
import { containsAddress, type HostReply, type NetworkView, parseAddress, parseCidr, WeftError } from '@weft/shared'
import type { AskHost } from './ask-host.ts'
import { type ClusterView, containerHosts, findHost, isAlive } from './domain/index.ts'

export interface ContainerPlace {
  readonly askHost: AskHost
  readonly view: () => ClusterView
}

/** The engine makes an interface meanwhile, and may wait for a container that starts. */
export const CONNECT_MS = 12_000
const FIND_MS = 3_000

/**
 * @throws `not_found` when no host has it, `conflict` when several have, `unavailable` when one that may have it cannot be
 * asked
 */
export async function hostOfContainer(
  { askHost, view }: ContainerPlace,
  container: string,
  host: string | undefined,
): Promise<string> {
  if (host !== undefined) return findHost(view(), host).id
  const known = containerHosts(view(), container)
  return only(container, known.length > 0 ? known : await askAll(askHost, view(), container))
}

async function askAll(askHost: AskHost, view: ClusterView, container: string): Promise<string[]> {
  const hosts = [...view.hosts.keys()].filter((host) => isAlive(view, host))
  const failed: string[] = []
  const found = await Promise.all(
    hosts.map(async (host) => {
      const answer = await askHost(host, 'container-find', { container }, FIND_MS).catch((thrown: unknown) => {
        failed.push(`${host}: ${WeftError.from(thrown).message}`)
        return { found: null } satisfies HostReply<'container-find'>
      })
      return answer.found === null ? [] : [host]
    }),
  )
  const has = found.flat()
  if (has.length > 0 || failed.length === 0) return has
  const why = failed.sort().slice(0, 3).join('; ')
  const remedy = 'name its host: HOST/CONTAINER'
  throw new WeftError('unavailable', {
    what: 'container not found, and not every host answers',
    on: container,
    why,
    remedy,
  })
}

function only(container: string, hosts: readonly string[]): string {
  const [first, ...others] = hosts
  if (first === undefined) {
    const remedy = 'see docker ps -a on its host; write the name that it shows'
    throw new WeftError('not_found', { what: 'no host has such a container', on: container, remedy })
  }
  if (others.length === 0) return first
  throw new WeftError('conflict', {
    what: 'several hosts have a container of that name',
    on: container,
    why: hosts.join(', '),
    remedy: `say which: ${first}/${container}`,
  })
}

/** Asked-for addresses lie in the network. @throws `invalid`, before anything is asked of a host */
export function checkWishedAddresses(
  network: NetworkView,
  wish: { ip?: string | undefined; ip6?: string | undefined },
) {
  for (const address of [wish.ip, wish.ip6]) {
    if (address === undefined) continue
    const asked = parseAddress(address)
    if (network.subnets.some(({ cidr }) => containsAddress(parseCidr(cidr), asked))) continue
    throw new WeftError('invalid', {
      what: 'address outside the network',
      on: address,
      why: `network ${network.name} has ${network.subnets.map(({ cidr }) => cidr).join(', ')}`,
      remedy: 'choose one inside, or leave it out',
    })
  }
}

export function connectionView(
  host: string,
  { name, id }: HostReply<'network-connect'>['container'],
  network: NetworkView,
) {
  return { host, container: name === '' ? id : name, network: { uid: network.uid, name: network.name } }
}
