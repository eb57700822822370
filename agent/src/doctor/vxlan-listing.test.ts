import { expect, it } from 'vitest'
import { parseVxlanListing } from './vxlan-listing.ts'

/** As nft 1.0.6 lists it, less handles and families. */
it('reads networks and their peers from the sets', () => {
  const set = (name: string, ...elem: unknown[]) => ({ set: { name, ...(elem.length > 0 ? { elem } : {}) } })
  const listing = [
    { metainfo: {} },
    set('ports', 4789),
    set('networks', { concat: [4789, 4098] }, { concat: [4789, 4097] }),
    set('peers4', { concat: ['10.0.0.3', 4789, 4097] }, { concat: ['10.0.0.2', 4789, 4097] }),
    set('peers6'),
    { chain: { name: 'judge' } },
  ]
  expect(parseVxlanListing({ nftables: listing })).toEqual([
    { udpPort: 4789, vni: 4098, peers: [] },
    { udpPort: 4789, vni: 4097, peers: ['10.0.0.2', '10.0.0.3'] },
  ])
  expect(parseVxlanListing({ nftables: [] })).toEqual([])
})
