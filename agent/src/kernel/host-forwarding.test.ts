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
