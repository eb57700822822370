import { expect, it } from 'vitest'
import { parseChain } from './host-forwarding.ts'

it('reads policy and our rules out of iptables -S FORWARD, whichever way it quotes', () => {
  const text = [
    '-P FORWARD DROP',
    '-A FORWARD -j DOCKER-USER',
    '-A FORWARD -i wfg+ -m comment --comment "weft" -j ACCEPT',
    '-A FORWARD -o wfg+ -m comment --comment weft -j ACCEPT',
  ]
  expect(parseChain(text.join('\n'))).toMatchObject({ drops: true, rules: { length: 2 } })
  expect(parseChain(text.slice(0, 3).join('\n'))).toMatchObject({ drops: true, rules: { length: 1 } })
  expect(parseChain('-P FORWARD ACCEPT\n')).toEqual({ drops: false, rules: [] })
})

it('finds what drops everything before our rules, and nothing that drops some', () => {
  const reject = '-A FORWARD -j REJECT --reject-with icmp-host-prohibited'
  const ours = '-A FORWARD -i wfg+ -m comment --comment weft -j ACCEPT'
  expect(parseChain(['-P FORWARD ACCEPT', '-A FORWARD -j DOCKER-USER', reject, ours].join('\n')).blocker).toBe(reject)
  expect(parseChain([ours, reject].join('\n'))).not.toHaveProperty('blocker')
  expect(
    parseChain('-A FORWARD -i eth9 -j DROP\n-A FORWARD -m conntrack --ctstate INVALID -j DROP'),
  ).not.toHaveProperty('blocker')
})
