/**
 * What keeps a host's other interfaces from answering for its shims. Linux answers ARP on any interface for any address of the
 * host (arp_ignore 0); a parent would so say that a shim's address is at the parent's MAC, too. Its settings are the
 * admin's, so the questions are dropped where they do not come in on the shim itself. IPv6 has no such habit.
 */
import type { NftTable, NftTableRef } from '../host-state/nft-table.ts'

export const SHIM_TABLE: NftTableRef = { netns: '', family: 'arp', name: 'weft_shims' }

/** One shim's part of the table; `addresses` without prefix length. */
export function shimTable(link: string, addresses: readonly string[]): NftTable {
  const rules = addresses
    .filter((address) => !address.includes(':'))
    .map((address) => `iifname != "${link}" arp daddr ip ${address} drop`)
  const hook = { type: 'filter', at: 'input', priority: 0 } as const
  return { ...SHIM_TABLE, sets: [], chains: [{ name: 'input', hook, rules }] }
}
