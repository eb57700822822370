/** TCP with a payload in VXLAN: NICs that compute wrong checksums of encapsulated frames let pings through (PAINS 11). */
import type { PairCheck } from './check.ts'

export const offload: PairCheck = {
  name: 'offload',
  judge: ({ host, peer, underlay, path }) => {
    if (!path.tried) return [{ severity: 'skipped', measured: path.reason }]
    if (!path.answered && !path.pinged)
      return [{ severity: 'skipped', measured: 'the two do not reach each other by VXLAN' }]
    const { tcp } = path
    if (tcp?.intact === true) {
      return [
        {
          severity: 'ok',
          measured: `${tcp.bytes} bytes of TCP in VXLAN from ${host} to ${peer} intact in ${tcp.ms} ms`,
        },
      ]
    }
    const what = tcp === undefined ? 'UDP in VXLAN is lost though ping passes' : (tcp.trouble ?? 'it arrived altered')
    const off = `ethtool -K ${underlay.interface} tx-udp_tnl-segmentation off tx-udp_tnl-csum-segmentation off tx-checksum-ip-generic off`
    return [
      {
        severity: 'error',
        measured: `TCP with a payload in VXLAN fails from ${host} to ${peer} though small packets pass: ${what}`,
        why: 'a NIC or hypervisor that computes wrong checksums for encapsulated frames: ping works and TCP dies',
        remedy: `on ${host} and ${peer}: ${off}; then repeat weft doctor ${host} ${peer}`,
      },
    ]
  },
}
