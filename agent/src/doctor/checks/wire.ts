/**
 * Whether two hosts share the wire of a network's parent: tried with a MAC of its own on both, as containers have, and with the
 * interfaces' own, which tells a switch that filters MACs from a wire that is not shared. Where containers have the parent's
 * MAC there is only the latter.
 */
import type { PairCheck, PairFacts, Verdict, WireFacts } from './check.ts'

export const wire: PairCheck = {
  name: 'wire',
  judge: (facts) => facts.wires.map((each) => judgeWire(each, facts)),
}

function judgeWire(facts: WireFacts, { host, peer, path }: PairFacts): Verdict {
  const { parent, networks, tagged, trouble, answered, heard, ownMac } = facts
  const on = `${parent} (network ${networks.join(', ')})`
  if (trouble !== undefined) return { severity: 'skipped', measured: `${on}: ${trouble}` }
  if (answered) return { severity: 'ok', measured: `frames of ${on} pass both ways between ${host} and ${peer}` }
  const measured = heard
    ? `frames of ${on} come from ${peer} to ${host}, but none goes the other way`
    : `no frame of ${on} passes between ${host} and ${peer}`
  const why = `containers of ${networks.join(', ')} on these two hosts do not reach each other`
  if (ownMac.heard && ownMac.peerHeard) {
    return {
      severity: 'error',
      measured: `${measured} with a MAC as containers have it; with the interfaces' own MACs they pass both ways`,
      why: `${why}: the switch or hypervisor lets only the NIC's own MAC pass (port security, MAC filter, no promiscuous mode)`,
      remedy: `allow promiscuous mode, MAC changes and forged transmits on the port (VirtualBox: --nicpromisc allow-all), or make the network with -d ipvlan, which needs the NIC's MAC only, or with the overlay driver`,
    }
  }
  const reach = path.tried && path.answered ? '; the hosts themselves reach each other' : ''
  if (tagged) {
    return {
      severity: 'error',
      measured: `${measured}, whatever its MAC${reach}`,
      why: `${why}: the switch does not carry the VLAN to both ports`,
      remedy: `trunk the VLAN on both switch ports; see the tags: tcpdump -e -n -i ${parent.replace(/\.[0-9]+$/, '')} vlan`,
    }
  }
  return {
    severity: 'error',
    measured: `${measured}, whatever its MAC${reach}`,
    why: `${why}: the two are on different wires, or the switch keeps their ports apart`,
    remedy: 'connect both to one segment (no port isolation, no private VLAN), or use the overlay driver',
  }
}
