/** A pass of the agent's loop: what keeps the host from its intent, and the VXLAN filter as the kernel has it. */
import type { HostProblem, VxlanFilter } from '@weft/shared'
import { hostCheck, type Verdict } from './check.ts'

interface Facts {
  readonly problems: readonly HostProblem[]
  readonly wanted: readonly VxlanFilter[]
  /** Undefined when the host has no intent yet. */
  readonly found: readonly VxlanFilter[] | undefined
}

export const reconcile = hostCheck<Facts>({
  name: 'intent',
  probe: async (env) => {
    const { problems, filters } = await env.pass()
    return { problems, wanted: env.filters, found: filters }
  },
  judge: ({ problems, wanted, found }) => {
    const verdicts = problems.map(
      ({ message, remedy }): Verdict => ({
        severity: 'error',
        measured: message,
        why: 'the host does not have what its intent says',
        ...(remedy === undefined ? {} : { remedy }),
      }),
    )
    if (found === undefined) verdicts.push({ severity: 'skipped', measured: 'the host has no intent yet' })
    else verdicts.push(...judgeFilters(wanted, found))
    return verdicts.length > 0 ? verdicts : [{ severity: 'ok', measured: 'the kernel has what the intent says' }]
  },
})

function judgeFilters(wanted: readonly VxlanFilter[], found: readonly VxlanFilter[]): Verdict[] {
  return wanted.flatMap(({ udpPort, vni, peers }): Verdict[] => {
    const has = found.find((filter) => filter.udpPort === udpPort && filter.vni === vni)
    const missing = has === undefined ? [] : peers.filter((peer) => !has.peers.includes(peer))
    if (has !== undefined && missing.length === 0) return []
    const measured =
      has === undefined
        ? `table inet weft_vxlan does not guard VNI ${vni} on UDP ${udpPort}`
        : `table inet weft_vxlan drops VNI ${vni} on UDP ${udpPort} of ${missing.join(', ')}`
    const why =
      has === undefined ? 'whoever reaches the port may send into the network' : 'these hosts are peers of the network'
    return [{ severity: 'error', measured, why, remedy: 'systemctl restart weft-agent.service' }]
  })
}
