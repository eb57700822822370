/**
 * Which containers may be asking for an address, where Docker does not say (DOCKER.md 1.2; ADR 5). Pure.
 *
 * A container that is being started is mounted, does not run, and lists the network. One that runs can only be asking
 * because somebody connects it to the network, and nothing on disk tells of that: it is thought of when nobody starts.
 */
import { familyOf, formatAddress, parseAddress } from '@weft/shared'
import { isWired, type LocalRecord } from '../state/records.ts'
import type { ContainerOnDisk, Membership } from './containers-on-disk.ts'

export interface Asker {
  /** '' when only the name is known. */
  readonly id: string
  readonly name: string
}

export interface Question {
  readonly network: { readonly uid: string; readonly name: string }
  readonly family: 4 | 6
  /** `--ip`, in its one text. */
  readonly asked: string | undefined
  /** Docker's network ids to ours. */
  readonly dockerNetworks: Readonly<Record<string, string>>
  /** This host's records of the network. */
  readonly records: readonly LocalRecord[]
  /** Whether an address of a record was given out since its container was last stopped. */
  readonly isHanded: (address: string) => boolean
  /** Containers that Weft itself connects to the network now. */
  readonly connecting: ReadonlySet<string>
}

/** Networks beside which Docker lets a container have no other. */
const ALONE = ['host', 'none']

/** @param mounted containers with a mounted root file system */
export function askersOf(mounted: readonly ContainerOnDisk[], question: Question): Asker[] {
  const free = mounted.filter((container) => !isServed(container, question))
  const starting = free.filter((container) => !container.up && mayStart(container, question))
  if (starting.length > 0) return starting
  const connectable = free.filter(({ up, networks }) => up && !networks.some(({ key }) => ALONE.includes(key)))
  const connecting = connectable.filter(({ id }) => question.connecting.has(id))
  return connecting.length > 0 ? connecting : connectable
}

/** It has its endpoint in the network, or was given its address for one a moment ago. */
function isServed({ id, up }: ContainerOnDisk, { records, family, isHanded }: Question): boolean {
  return records.some((record) => {
    if (record.containerId !== id) return false
    // What is left of an earlier run, of whose end Docker has not told, is no endpoint.
    if (isWired(record)) return up || !record.settled
    if (record.phase !== 'claimed') return false
    return record.addresses.some((address) => familyOf(address) === family && isHanded(address))
  })
}

function mayStart({ networks }: ContainerOnDisk, question: Question): boolean {
  const membership = networks.find((each) => isIn(each, question))
  if (membership === undefined) return false
  const own = question.family === 4 ? membership.ip : membership.ip6
  return own === '' ? question.asked === undefined : formatAddress(parseAddress(own)) === question.asked
}

function isIn({ key, dockerNetwork }: Membership, { network, dockerNetworks }: Question): boolean {
  return key === network.name || dockerNetworks[dockerNetwork] === network.uid || dockerNetworks[key] === network.uid
}
