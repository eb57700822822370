/**
 * What this controller has under way in every subnet: addresses that it is about to write, so that requests at the same
 * moment take different ones, and where the next choice begins. A hint like the cache; etcd decides.
 */
import { type Address, addressToHex } from '@weft/shared'
import type { ClusterView } from './pure/view.ts'

interface Pending {
  /** How many tries hold each address (hex). */
  readonly held: Map<string, number>
  lastPicked: bigint | undefined
  /** Resolved, and made anew, each time that an address is let go. */
  letGo: PromiseWithResolvers<void>
}

export class ClaimDesk {
  readonly #pending = new Map<string, Pending>()

  /** Chooses the next free address and holds it; undefined when the cache and what is under way leave none. */
  pick(view: ClusterView, subnet: string): Address | undefined {
    const pool = view.pools.get(subnet)
    const pending = this.#pending.get(subnet)
    const after = pending?.lastPicked ?? pool?.lastChosen
    const barred = (hex: string) => pending?.held.has(hex) === true || view.hostAddresses.has(hex)
    const address = pool?.choose(after, barred)
    if (address !== undefined) this.hold(subnet, addressToHex(address)).lastPicked = address.value
    return address
  }

  hold(subnet: string, hex: string): { lastPicked: bigint | undefined } {
    const pending = this.#pending.get(subnet) ?? newPending()
    this.#pending.set(subnet, pending)
    pending.held.set(hex, (pending.held.get(hex) ?? 0) + 1)
    return pending
  }

  /** Lets an address go: the cache has caught up with what became of it. */
  release(subnet: string, hex: string): void {
    const pending = this.#pending.get(subnet)
    if (pending === undefined) return
    const left = (pending.held.get(hex) ?? 1) - 1
    if (left > 0) pending.held.set(hex, left)
    else pending.held.delete(hex)
    if (pending.held.size === 0) this.#pending.delete(subnet)
    pending.letGo.resolve()
    pending.letGo = Promise.withResolvers<void>()
  }

  /** When anything is held in the subnet: a promise of the next one let go. */
  nextRelease(subnet: string): Promise<void> | undefined {
    return this.#pending.get(subnet)?.letGo.promise
  }
}

function newPending(): Pending {
  return { held: new Map(), lastPicked: undefined, letGo: Promise.withResolvers<void>() }
}
