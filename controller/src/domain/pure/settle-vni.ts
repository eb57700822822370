import { WeftError } from '@weft/shared'
import type { ClusterView } from './view.ts'

/**
 * Allocation begins above what others number by themselves: Docker Swarm counts from 4096, its ingress first, and the kernel has
 * a VNI once a UDP port.
 */
const FIRST_VNI = 0x10_0000
/** 24 bits (RFC 7348 section 4). */
const LAST_VNI = 0xff_ffff

/**
 * The VNI asked for, or the lowest free one from {@link FIRST_VNI} on.
 * @throws `conflict` naming the network that has it, `exhausted`
 */
export function settleVni(view: ClusterView, asked: number | undefined): number {
  if (asked !== undefined) {
    if (!view.vnis.has(asked)) return asked
    const uid = view.vnis.get(asked)
    const name = view.networks.get(uid ?? '')?.value.name ?? uid ?? 'unknown (damaged record)'
    throw new WeftError('conflict', {
      what: 'VNI is in use',
      on: String(asked),
      why: `network ${name} has it`,
      remedy: 'choose another, or leave -o vni out',
    })
  }
  for (let vni = FIRST_VNI; vni <= LAST_VNI; vni++) if (!view.vnis.has(vni)) return vni
  throw new WeftError('exhausted', {
    what: 'no free VNI',
    on: `${FIRST_VNI} to ${LAST_VNI}`,
    remedy: 'remove networks',
  })
}
