/** The largest packet that passes between two hosts without fragments, against what networks send (PAINS 12). */
import type { PairCheck, PairFacts, Verdict } from './check.ts'

export const pathMtu: PairCheck = {
  name: 'path-mtu',
  judge: (facts) => {
    const { path, underlay } = facts
    if (!path.tried) return [{ severity: 'skipped', measured: path.reason }]
    const { largest } = path
    if (largest === undefined)
      return [{ severity: 'skipped', measured: 'UDP is not answered, so that no size was tried' }]
    return judgeSize(facts, largest).map((verdict) => ({ ...verdict, path: { mtu: largest, tried: underlay.mtu } }))
  },
}

function judgeSize({ host, peer, underlay, overlays }: PairFacts, largest: number): Verdict[] {
  const measured = `${largest} bytes pass between ${host} and ${peer} with DF; ${underlay.interface} of ${host} has MTU ${underlay.mtu}`
  const tooLarge = overlays.filter(({ mtu, overheadBytes }) => mtu + overheadBytes > largest)
  if (tooLarge.length === 0 && largest >= underlay.mtu) return [{ severity: 'ok', measured }]
  if (tooLarge.length === 0) {
    return [
      {
        severity: 'warn',
        measured,
        why: `this pair limits the cluster: networks made from now on send ${largest} bytes at most, those made before may send more`,
        remedy: `raise the MTU of the switch ports between ${host} and ${peer} to ${underlay.mtu}, or: ip link set dev ${underlay.interface} mtu ${largest} on both`,
      },
    ]
  }
  return tooLarge.map(
    ({ name, mtu, overheadBytes }): Verdict => ({
      severity: 'error',
      measured: `${measured}; network ${name} sends ${mtu + overheadBytes} (its MTU ${mtu} and ${overheadBytes} of VXLAN)`,
      why: `this pair limits network ${name}: large packets between ${host} and ${peer} are lost, so that connections open and then hang`,
      remedy: `raise the MTU of the switch ports between ${host} and ${peer} to ${mtu + overheadBytes}, or make the network anew: weft network rm ${name} && weft network create -o mtu=${largest - overheadBytes} ${name}`,
    }),
  )
}
