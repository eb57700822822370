/** Macvlan: the request is made where the parent lives, the child is born in `link.netns` (IFLA_NET_NS_FD). */
import { MACVLAN_MODES, type MacvlanMode } from '@weft/shared'
import { formatMacvlan, parseMacvlan } from 'netlink/dist/rt/ifla.js'
import { toBuffer } from '../netlink/message.ts'
import type { KindCodec } from './kind.ts'

/** enum macvlan_mode; a bit each, one at a time. The package's flags object would give EINVAL (DOCKER.md 5, defect 9). */
const MODE = { private: 1, vepa: 2, bridge: 4, passthru: 8 } as const satisfies Record<MacvlanMode, number>

export const macvlan: KindCodec<'macvlan'> = {
  requestNetns: (link) => link.parent.netns,
  lower: (link) => link.parent,
  lowerInHeader: true,
  encode: (link) => toBuffer(formatMacvlan({ mode: MODE[link.mode] })),
  decode: (data, { lower }) => {
    const { mode } = parseMacvlan(data)
    const name = MACVLAN_MODES.find((candidate) => MODE[candidate] === mode)
    return lower === undefined || name === undefined ? undefined : { parent: lower, mode: name }
  },
}
