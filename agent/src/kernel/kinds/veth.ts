/**
 * Virtual Ethernet pair. Both ends are born in one request, the peer in its final netns with its final name, since
 * moving a device between namespaces costs up to 18 ms and being born there less than one (DOCKER.md 4).
 * One queue each way: more cost memory and time and bring nothing on the paths measured (PERF.md).
 */
import { WEFT_LINK_GROUP, WeftError } from '@weft/shared'
import { formatVethInfo } from 'netlink/dist/rt/ifla.js'
import { formatLinkMessage } from 'netlink/dist/rt/structs.js'
import { toBuffer } from '../netlink/message.ts'
import { macBytes } from '../netlink/values.ts'
import type { KindCodec } from './kind.ts'

export const veth: KindCodec<'veth'> = {
  requestNetns: (link) => link.netns,
  peerNetns: (link) => link.peer?.netns ?? link.netns,
  lowerInHeader: false,
  encode: (link, { peerNetnsFd }) => {
    if (link.peer === undefined) {
      throw new WeftError('invalid', { what: 'veth without a peer', on: link.name, why: 'both ends are made at once' })
    }
    const peer = toBuffer((out) =>
      formatLinkMessage(
        {
          kind: 'link',
          data: {},
          attrs: {
            ifname: link.peer?.name ?? '',
            group: WEFT_LINK_GROUP,
            netNsFd: peerNetnsFd,
            numTxQueues: 1,
            numRxQueues: 1,
            ...(link.mtu !== undefined && { mtu: link.mtu }),
            ...(link.peerMac !== undefined && { address: macBytes(link.peerMac) }),
          },
        },
        out,
      ),
    )
    return toBuffer(formatVethInfo({ peer }))
  },
  decode: (_data, { lower }) => (lower === undefined ? {} : { peer: lower }),
}
