/**
 * VXLAN (RFC 7348). The request is made in the host's own netns, where the underlay and the UDP socket stay; the device
 * is born in `link.netns`. No group and no remote: what the FDB does not know is dropped, never flooded.
 */
import { WeftError } from '@weft/shared'
import { formatVxlan, parseVxlan } from 'netlink/dist/rt/ifla.js'
import { getU16be, putU16be } from 'netlink/dist/structs.js'
import { toBuffer } from '../netlink/message.ts'
import { addressBytes, addressText } from '../netlink/values.ts'
import type { KindCodec } from './kind.ts'

/** VNIs have 24 bits (RFC 7348 section 5); the kernel answers ERANGE without a word. */
const VNI_MAX = 0xffffff

export const vxlan: KindCodec<'vxlan'> = {
  requestNetns: () => '',
  lower: (link) => ({ netns: '', name: link.underlay }),
  lowerInHeader: false,
  encode: (link, { lowerIndex }) => {
    if (link.vni < 0 || link.vni > VNI_MAX) {
      throw new WeftError('invalid', { what: 'VNI out of range', on: String(link.vni), why: `0 to ${VNI_MAX}` })
    }
    const local = addressBytes(link.local)
    return toBuffer(
      formatVxlan({
        id: link.vni,
        link: lowerIndex,
        ...(local.length === 4 ? { local } : { local6: local }),
        port: putU16be(link.udpPort),
        learning: Number(link.learning),
        proxy: Number(link.proxy),
      }),
    )
  },
  decode: (data, context) => {
    const vxlan = parseVxlan(data)
    const local = vxlan.local ?? vxlan.local6
    return {
      vni: vxlan.id ?? 0,
      underlay: (vxlan.link ? context.nameOf(vxlan.link) : undefined) ?? '',
      local: local === undefined ? '' : addressText(local),
      udpPort: vxlan.port === undefined ? 0 : getU16be(vxlan.port),
      learning: vxlan.learning === 1,
      proxy: vxlan.proxy === 1,
    }
  },
}
