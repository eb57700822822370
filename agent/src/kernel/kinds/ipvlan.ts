/** Ipvlan: the request is made where the parent lives, the child is born in `link.netns` (IFLA_NET_NS_FD). */
import { IPVLAN_FLAGS, IPVLAN_MODES, type IpvlanFlag, type IpvlanMode } from '@weft/shared'
import { formatIpvlan, parseIpvlan } from 'netlink/dist/rt/ifla.js'
import { getU16, putU16 } from 'netlink/dist/structs.js'
import { toBuffer } from '../netlink/message.ts'
import type { KindCodec } from './kind.ts'

/** enum ipvlan_mode (linux/if_link.h); IFLA_IPVLAN_MODE is a __u16. */
const MODE = { l2: 0, l3: 1, l3s: 2 } as const satisfies Record<IpvlanMode, number>
/** IPVLAN_F_PRIVATE and IPVLAN_F_VEPA; IFLA_IPVLAN_FLAGS is a __u16, and always sent: what is left out stays the parent's. */
const FLAG = { bridge: 0, private: 1, vepa: 2 } as const satisfies Record<IpvlanFlag, number>

export const ipvlan: KindCodec<'ipvlan'> = {
  requestNetns: (link) => link.parent.netns,
  lower: (link) => link.parent,
  lowerInHeader: true,
  encode: (link) => toBuffer(formatIpvlan({ mode: MODE[link.mode], flags: putU16(FLAG[link.flag]) })),
  decode: (data, { lower }) => {
    const { mode, flags } = parseIpvlan(data)
    const modeName = IPVLAN_MODES.find((candidate) => MODE[candidate] === mode)
    // Kernels before 4.15 have no flags: what they do is bridge.
    const bits = flags === undefined ? 0 : getU16(flags)
    const flagName = IPVLAN_FLAGS.find((candidate) => FLAG[candidate] === bits)
    if (lower === undefined || modeName === undefined || flagName === undefined) return undefined
    return { parent: lower, mode: modeName, flag: flagName }
  },
}
