/** The largest packet that passes between two hosts without fragments, against what networks send (PAINS 12). */
import type { PairCheck, Verdict } from './check.ts'

export const pathMtu: PairCheck = {
  name: 'path-mtu',
  judge: ({ host, peer, underlay, overlays, path }) => {
    if (!path.tried) return [{ severity: 'skipped', measured: path.reason }]
    if (path.largest === undefined)
      return [{ severity: 'skipped', measured: 'UDP is not answered, so that no size was tried' }]
    const { largest } = path
    const measured = `${largest} bytes pass between ${host} and ${peer} with DF; ${underlay.interface} of ${host} has MTU ${underlay.mtu}`
    const tooLarge = overlays.filter(({ mtu, overheadBytes }) => mtu + overheadBytes > largest)
    if (tooLarge.length === 0 && largest >= underlay.mtu) return [{ severity: 'ok', measured }]
    if (tooLarge.length === 0) {
      return [
        {
          severity: 'warn',
          measured,
          why: `this pair limits the cluster: networks made from now on may take the MTU of ${underlay.interface} for the path's`,
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
  },
}
