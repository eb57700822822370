import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { deriveMac, INTERFACE_NAME_BYTES, interfaceName } from './names.ts'

const ROLES = ['bridge', 'vxlan', 'port', 'container', 'uplink'] as const

describe('names', () => {
  it('makes interface names of exactly 15 bytes that tell role and object apart', () => {
    fc.assert(
      fc.property(fc.string(), (uid) => {
        const names = ROLES.map((role) => interfaceName(role, uid))
        for (const name of names) expect(name).toMatch(/^wf[bxpcu][0-9a-hjkmnp-tv-z]{12}$/)
        expect(new Set(names).size).toBe(ROLES.length)
        expect(names[0]?.length).toBe(INTERFACE_NAME_BYTES)
        expect(interfaceName('port', `${uid}x`)).not.toBe(interfaceName('port', uid))
      }),
    )
  })

  it('stays what it was: hosts of different versions must agree', () => {
    expect(interfaceName('bridge', '0'.repeat(20))).toMatchInlineSnapshot(`"wfb9kapz0jj4p3b"`)
    expect(deriveMac('0'.repeat(20))).toMatchInlineSnapshot(`"02:78:9f:71:17:00"`)
  })

  it('derives unicast, locally administered MACs', () => {
    fc.assert(
      fc.property(fc.string(), (seed) => {
        expect(deriveMac(seed)).toMatch(/^02(:[0-9a-f]{2}){5}$/)
      }),
    )
  })

  it('has no collision among 20,000 MACs and names', () => {
    const seeds = Array.from({ length: 20_000 }, (_, index) => `endpoint/${index}`)
    expect(new Set(seeds.map(deriveMac)).size).toBe(seeds.length)
    expect(new Set(seeds.map((seed) => interfaceName('port', seed))).size).toBe(seeds.length)
  })
})
