/** Which host has which address on an interface of its own, from what hosts tell of themselves. */
import { addressToHex, parseAddress, parseInterfaceAddress } from '@weft/shared'
import type { FactsRecord } from './records.ts'

export class HostAddresses {
  /** By address, hex. */
  readonly owners = new Map<string, { host: string; interface: string }>()

  learn(host: string, { facts }: FactsRecord): void {
    for (const { name, addresses } of facts.interfaces) {
      for (const text of addresses) this.owners.set(hexOf(text), { host, interface: name })
    }
  }

  forget(host: string): void {
    for (const [hex, owner] of this.owners) if (owner.host === host) this.owners.delete(hex)
  }
}

/** Facts name addresses with their prefix length or without. */
function hexOf(text: string): string {
  return addressToHex(text.includes('/') ? parseInterfaceAddress(text).address : parseAddress(text))
}
