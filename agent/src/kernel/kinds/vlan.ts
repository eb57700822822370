/** VLAN sub-interface, 802.1Q or 802.1ad; made in its parent's netns. */
import { WeftError } from '@weft/shared'
import { formatVlan, parseVlan } from 'netlink/dist/rt/ifla.js'
import { toBuffer } from '../netlink/message.ts'
import type { KindCodec } from './kind.ts'

/** ETH_P_8021Q and ETH_P_8021AD (linux/if_ether.h). */
const PROTOCOL = { '802.1Q': 0x8100, '802.1ad': 0x88a8 } as const

export const vlan: KindCodec<'vlan'> = {
  requestNetns: (link) => link.parent.netns,
  lower: (link) => link.parent,
  lowerInHeader: true,
  encode: (link) => {
    if (link.vlanId < 1 || link.vlanId > 4094) {
      throw new WeftError('invalid', { what: 'VLAN id out of range', on: String(link.vlanId), why: '1 to 4094' })
    }
    return toBuffer(formatVlan({ id: link.vlanId, protocol: swap16(PROTOCOL[link.protocol]) }))
  },
  decode: (data, { lower }) => {
    const { id, protocol } = parseVlan(data)
    if (lower === undefined || id === undefined) return undefined
    const is8021ad = protocol !== undefined && swap16(protocol) === PROTOCOL['802.1ad']
    return { parent: lower, vlanId: id, protocol: is8021ad ? '802.1ad' : '802.1Q' }
  },
}

/** IFLA_VLAN_PROTOCOL is big-endian; the package writes it in the host's order, little-endian wherever we run. */
function swap16(value: number): number {
  return ((value & 0xff) << 8) | (value >> 8)
}
