/** Linux bridge: spanning tree off and no forwarding delay, since a port must carry frames at once. */
import { formatBridge, parseBridge } from 'netlink/dist/rt/ifla.js'
import { putU8, putU32 } from 'netlink/dist/structs.js'
import { toBuffer } from '../netlink/message.ts'
import type { KindCodec } from './kind.ts'

export const bridge: KindCodec<'bridge'> = {
  requestNetns: (link) => link.netns,
  lowerInHeader: false,
  encode: (link) => encodeBridge({ stp: false, multicastSnooping: link.multicastSnooping }),
  decode: (data) => {
    const snooping = parseBridge(data).mcastSnooping
    return snooping === undefined ? {} : { multicastSnooping: snooping[0] !== 0 }
  },
}

/** Also the way to change snooping later. All values are Buffers in the package's types (DOCKER.md 5, defect 8). */
export function encodeBridge(options: { stp?: false; multicastSnooping?: boolean | undefined }): Buffer {
  return toBuffer(
    formatBridge({
      ...(options.stp === false && { forwardDelay: putU32(0), stpState: putU32(0) }),
      ...(options.multicastSnooping !== undefined && { mcastSnooping: putU8(Number(options.multicastSnooping)) }),
    }),
  )
}
