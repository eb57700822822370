/** The VXLAN port between two hosts, tried with VXLAN; the way there and the way back told apart. */
import type { PairCheck, PairFacts } from './check.ts'

export const udpPort: PairCheck = {
  name: 'udp-port',
  judge: ({ host, peer, udpPort: port, path }) => {
    if (!path.tried) return [{ severity: 'skipped', measured: path.reason }]
    if (path.answered || path.pinged)
      return [{ severity: 'ok', measured: `UDP ${port} passes both ways between ${host} and ${peer}` }]
    const { from, to, seen } = direction({ host, peer, path })
    return [
      {
        severity: 'error',
        measured: `UDP ${port} from ${from} does not arrive at ${to}${seen}`,
        why: 'containers of overlay networks on these two hosts do not reach each other',
        remedy: `on ${to}: nft list ruleset | grep -n ${port}; let it in: nft insert rule inet filter input udp dport ${port} accept (ufw: ufw allow ${port}/udp), and open it in firewalls between ${from} and ${to}`,
      },
    ]
  },
}

/** The way that certainly is shut. Hearing the peer, we know by its own count whether it heard us. */
function direction({ host, peer, path }: Pick<PairFacts, 'host' | 'peer'> & { path: { heard?: boolean } }) {
  return path.heard === true
    ? { from: host, to: peer, seen: '; the other way it does' }
    : { from: peer, to: host, seen: '' }
}
