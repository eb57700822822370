/** The VXLAN filter as `nft -j list table` tells it, past what the loop holds for true: networks and their peers. */
import type { VxlanFilter } from '@weft/shared'
import { z } from 'zod'

const Listing = z.object({ nftables: z.array(z.object({ set: z.unknown().optional() })) })
const SetObject = z.object({ name: z.string(), elem: z.array(z.unknown()).default([]) })
/** (UDP port, VNI). nft tells a raw payload as a number, whatever the base that its text shows. */
const NetworkElement = z.object({ concat: z.tuple([z.number(), z.number()]) })
const PeerElement = z.object({ concat: z.tuple([z.string(), z.number(), z.number()]) })

export function parseVxlanListing(listing: unknown): VxlanFilter[] {
  const objects = Listing.parse(listing).nftables
  const sets = new Map(
    objects.flatMap(({ set }) => (set === undefined ? [] : [SetObject.parse(set)])).map((set) => [set.name, set.elem]),
  )
  const networks = z.array(NetworkElement).parse(sets.get('networks') ?? [])
  const peers = z.array(PeerElement).parse([...(sets.get('peers4') ?? []), ...(sets.get('peers6') ?? [])])
  return networks.map(({ concat: [udpPort, vni] }) => ({
    udpPort,
    vni,
    peers: peers
      .filter(({ concat: [, port, number] }) => port === udpPort && number === vni)
      .map(({ concat: [peer] }) => peer)
      .sort(),
  }))
}
