import { WeftError } from '@weft/shared'
import type { ClusterView } from './view.ts'

/** Allocation begins here: small numbers are what people pick by hand, and what other systems on the wire use. */
const FIRST_VNI = 4096
/** 24 bits (RFC 7348 section 4). */
const LAST_VNI = 0xff_ffff

/**
 * The VNI asked for, or the lowest free one from 4096 on.
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
