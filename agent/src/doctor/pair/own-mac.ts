/**
 * Frames with the interface's own MAC beside those of a macvlan: where only the former pass, the switch or hypervisor filters
 * MACs; where neither does, the wire is not shared or the VLAN not carried. Both sides broadcast until they close.
 */
import { createHash } from 'node:crypto'
import type { DoctorProbe } from '@weft/shared'
import { type BroadcastPlace, type Broadcasts, openBroadcasts } from '../../kernel/index.ts'
import type { OwnMacFacts } from '../checks/check.ts'
import type { Role } from './links.ts'

const EVERY_MS = 100
const TAG_BYTES = 16

export interface OwnMacTalk {
  readonly facts: () => OwnMacFacts
  readonly close: () => void
}

/** Of one wire of the probe. @throws when there is no such interface, or the kernel gives no socket */
export async function talkWithOwnMac(
  place: BroadcastPlace,
  probe: DoctorProbe,
  line: number,
  role: Role,
  open: (place: BroadcastPlace) => Promise<Broadcasts> = openBroadcasts,
): Promise<OwnMacTalk> {
  const tagOf = (of: Role) => createHash('sha256').update(`${probe.id}/${line}/${of}`).digest().subarray(0, TAG_BYTES)
  const own = tagOf(role)
  const others = tagOf(role === 'asks' ? 'answers' : 'asks')
  const broadcasts = await open(place)
  let heard = false
  let peerHeard = false
  const listen = () => {
    for (let got = broadcasts.receive(); got !== undefined; got = broadcasts.receive()) {
      if (!got.subarray(0, TAG_BYTES).equals(others)) continue
      heard = true
      peerHeard ||= got[TAG_BYTES] === 1
    }
  }
  const speak = () => {
    try {
      listen()
      broadcasts.send(Buffer.concat([own, Buffer.from([heard ? 1 : 0])]))
    } catch {
      // A wire that is down now: what counts is what arrives.
    }
  }
  speak()
  const timer = setInterval(speak, EVERY_MS)
  return {
    facts: () => {
      speak()
      return { heard, peerHeard }
    },
    close: () => {
      clearInterval(timer)
      broadcasts.close()
    },
  }
}
