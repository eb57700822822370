/** The VXLAN filter as nft takes it: all or nothing, in order, each peer once. */
import { parseAddress, type VxlanFilter, WeftError } from '@weft/shared'
import type { FakeWorld } from './world.ts'

export function replaceFilters(world: FakeWorld, filters: readonly VxlanFilter[]): void {
  for (const { udpPort, vni, peers } of filters) {
    checkRange(udpPort, 0xffff, 'not a UDP port')
    checkRange(vni, 0xffffff, 'not a VNI')
    for (const peer of peers) parseAddress(peer)
  }
  world.filters = filters
    .map(({ udpPort, vni, peers }) => ({ udpPort, vni, peers: [...new Set(peers)].sort() }))
    .sort((a, b) => a.udpPort - b.udpPort || a.vni - b.vni)
}

function checkRange(value: number, max: number, what: string): void {
  if (Number.isInteger(value) && value > 0 && value <= max) return
  throw new WeftError('invalid', { what, on: String(value), why: `1 to ${max}` })
}
