import { describe, expect, it } from 'vitest'
import { mattersInFabric } from './doorbell.ts'

describe('mattersInFabric', () => {
  it('lets neighbours of containers come and go without a ring', () => {
    expect(mattersInFabric('[nsid 3][NEIGH]10.64.0.3 dev eth0 lladdr 02:00:00:00:00:01 STALE')).toBe(false)
  })

  it('rings for their links, addresses and routes, and for every neighbour and FDB entry of the fabric', () => {
    for (const line of [
      '[nsid 3][LINK]Deleted 2: eth0@NONE: <BROADCAST,MULTICAST> mtu 1450',
      '[nsid 3][ADDR]Deleted 2: eth0    inet 10.64.0.2/24 scope global eth0',
      '[nsid 3][ROUTE]Deleted default via 10.64.0.1 dev eth0',
      '[nsid current][NEIGH]10.64.0.3 dev wfx1 lladdr 02:00:00:00:00:01 REACHABLE',
      '[nsid current][NEIGH]Deleted dev wfp1 lladdr 02:00:00:00:00:09 NOARP',
      '[NEIGH]Deleted dev wfp1 lladdr 02:00:00:00:00:09 NOARP',
    ]) {
      expect(mattersInFabric(line), line).toBe(true)
    }
  })
})
