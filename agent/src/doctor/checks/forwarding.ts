/** What stands in the way of Weft's gateways on the host: rules and firewalls that drop what is forwarded before ours let it through. */
import { existsSync } from 'node:fs'
import { type Family, familyOf, hasOwnGateway } from '@weft/shared'
import { type ForwardChain, readChain } from '../../kernel/host-forwarding.ts'
import { hostCheck, type Verdict } from './check.ts'

interface Facts {
  /** Families of networks that leave through a gateway of Weft's. */
  readonly families: readonly Family[]
  readonly chains: Readonly<Record<Family, ForwardChain>>
  readonly firewalld: boolean
}

const PROGRAM = { 4: 'iptables', 6: 'ip6tables' } as const

export const forwarding = hostCheck<Facts>({
  name: 'forwarding',
  probe: async ({ networks }) => {
    const subnets = networks.filter(hasOwnGateway).flatMap((network) => network.subnets)
    const families = new Set(subnets.map(({ cidr }) => familyOf(cidr)))
    return {
      families: [...families].sort(),
      chains: { 4: await readChain(4), 6: await readChain(6) },
      firewalld: existsSync('/run/firewalld'),
    }
  },
  judge: ({ families, chains, firewalld }) => {
    const verdicts: Verdict[] = families.flatMap((family) => {
      const { blocker } = chains[family]
      return blocker === undefined ? [] : [blocked(PROGRAM[family], blocker)]
    })
    if (firewalld && families.length > 0) {
      verdicts.push({
        severity: 'warn',
        measured: 'firewalld runs on this host',
        why: 'it refuses what is forwarded between zones, and containers leave through interfaces wfg…, which it has in none',
        remedy: 'firewall-cmd --permanent --zone=trusted --add-interface=wfg+ && firewall-cmd --reload',
      })
    }
    if (verdicts.length > 0) return verdicts
    const measured =
      families.length === 0 ? 'no network leaves through a gateway of Weft’s' : 'gateways are let through'
    return [{ severity: 'ok', measured }]
  },
})

function blocked(program: string, rule: string): Verdict {
  const ways = ['-i', '-o'].map((way) => `${program} -I FORWARD ${way} wfg+ -j ACCEPT`)
  return {
    severity: 'error',
    measured: `${program} has "${rule}" in FORWARD before Weft’s rules`,
    why: 'what containers of networks with egress=weft send out is dropped there; Weft’s rules come after the admin’s',
    remedy: `let them through before it: ${ways.join('; ')}`,
  }
}
