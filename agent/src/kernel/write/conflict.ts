/** EEXIST says that something is in the way, never what; a wrong guess here means a dead network (PAINS 27). */
import { FABRIC_NETNS, type Link, type WeftError } from '@weft/shared'
import { errnoError, type Refusal } from '../errno.ts'
import { codecOf } from '../kinds/registry.ts'
import { dumpLinks, isOwned, type LinkRow } from '../read/link-row.ts'
import { netnsText, type Writer } from './writer.ts'

/** The error for a link that could not be made, with the name of the link that is in the way. */
export function whatExists(writer: Writer, wanted: Link, refusal: Refusal): WeftError {
  const inTheWay = holder(writer, wanted)
  return errnoError(refusal.errno, {
    what: 'link exists already',
    on: wanted.name,
    why: inTheWay ?? `kernel says ${refusal.message ?? 'EEXIST'}, by a link in a namespace that Weft does not see`,
    remedy: 'remove or rename what is in the way',
  })
}

function holder(writer: Writer, wanted: Link): string | undefined {
  const same = writer.find(wanted.netns, wanted.name)
  if (same !== undefined) return describe(same, wanted.netns)
  if (wanted.kind === 'veth' && wanted.peer !== undefined) {
    const peer = writer.find(wanted.peer.netns, wanted.peer.name)
    return peer && `its other end, ${describe(peer, wanted.peer.netns)}`
  }
  if (wanted.kind === 'vxlan') return sameVni(writer, wanted)
  return undefined
}

/** One VNI and UDP port can be had once for each netns of the underlay, under whatever name and wherever it lives. */
function sameVni(writer: Writer, wanted: Extract<Link, { kind: 'vxlan' }>): string | undefined {
  for (const netns of [FABRIC_NETNS, '']) {
    for (const row of dumpLinks(writer.socket(netns))) {
      if (row.kind !== 'vxlan' || row.kindData === undefined) continue
      const fields = codecOf('vxlan').decode(row.kindData, { lower: undefined, nameOf: () => undefined })
      const { vni, udpPort } = fields as { vni: number; udpPort: number }
      if (vni === wanted.vni && udpPort === wanted.udpPort) {
        return `VNI ${vni} on UDP port ${udpPort} is in use by ${describe(row, netns)}`
      }
    }
  }
  return undefined
}

function describe(row: LinkRow, netns: string): string {
  return `${row.kind ?? 'device'} ${row.name} in ${netnsText(netns)}${isOwned(row) ? '' : ', not ours'}`
}
