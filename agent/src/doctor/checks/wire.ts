/** Whether two hosts share the wire of a macvlan network's parent: tried with a MAC of its own on both, as containers have. */
import type { PairCheck, PairFacts, Verdict, WireFacts } from './check.ts'

export const wire: PairCheck = {
  name: 'wire',
  judge: (facts) => facts.wires.map((each) => judgeWire(each, facts)),
}

function judgeWire(facts: WireFacts, { host, peer, path }: PairFacts): Verdict {
  const { parent, networks, tagged, trouble, answered, heard } = facts
  const on = `${parent} (network ${networks.join(', ')})`
  if (trouble !== undefined) return { severity: 'skipped', measured: `${on}: ${trouble}` }
  if (answered) return { severity: 'ok', measured: `frames of ${on} pass both ways between ${host} and ${peer}` }
  const measured = heard
    ? `frames of ${on} come from ${peer} to ${host}, but none goes the other way`
    : `no frame of ${on} passes between ${host} and ${peer}`
  const why = `containers of ${networks.join(', ')} on these two hosts do not reach each other`
  const reach = path.tried && path.answered ? '; the hosts themselves reach each other' : ''
  if (tagged) {
    return {
      severity: 'error',
      measured: `${measured}${reach}`,
      why: `${why}: the switch does not carry the VLAN to both ports, or lets only the NIC's own MAC pass`,
      remedy: `trunk the VLAN on both switch ports (see the tags: tcpdump -e -n -i ${parent.replace(/\.[0-9]+$/, '')} vlan); on a hypervisor allow promiscuous mode, MAC changes and forged transmits`,
    }
  }
  return {
    severity: 'error',
    measured: `${measured}${reach}`,
    why: `${why}: the switch or hypervisor lets only the NIC's own MAC pass, or the two are on different wires`,
    remedy:
      'allow promiscuous mode, MAC changes and forged transmits on the port group, or use the ipvlan or overlay driver',
  }
}
