import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { parseJsonWith, parseWith } from './validate.ts'
import { CidrText, IpText } from './words/address-text.ts'
import { InterfaceName, Mac, Name, StringMap, Uid } from './words/names.ts'

const Thing = z.strictObject({ name: Name, count: z.number().int().optional() })

describe('validation', () => {
  it('names the value and the rule', () => {
    expect(() => parseWith(Thing, { name: 'My_Net' }, 'thing')).toThrow(
      '[invalid] bad thing: name "My_Net": it must be 1 to 63 of a-z, 0-9 and -, beginning and ending with a letter or digit; choose a name like web or team-a',
    )
  })

  it('names several findings and unknown keys', () => {
    expect(() => parseWith(Thing, { name: 'a', count: 1.5, extra: 1 }, 'thing')).toThrow(/count 1.5: .*; extra /)
    expect(() => parseWith(Thing, { name: 'a', conut: 1 }, 'thing')).toThrow(
      '[invalid] bad thing: conut: it is not known here; did you mean count?',
    )
  })

  it.each([
    [{}, 'name: it is missing; '],
    [{ name: 5 }, 'name 5: it must be a text, not a number; '],
    [{ name: 'default' }, 'name "default": it is reserved, as are '],
    [{ name: 'a', count: 'x' }, 'count "x": it must be a number, not a text; '],
    [[], 'the whole: it must be an object, not a list; '],
  ])('reads well to a stranger: %j', (input, text) => {
    expect(() => parseWith(Thing, input, 'thing')).toThrow(`[invalid] bad thing: ${text}`)
  })

  it('cuts long values', () => {
    const thrown = (): unknown => parseWith(Thing, { name: 'A'.repeat(5000) }, 'thing')
    expect(thrown).toThrow(/AAA…"/)
    expect(thrown).not.toThrow(/A{200}/)
  })

  it.each(['{', '', 'nul', '[1,]'])('refuses %j as not JSON', (text) => {
    expect(() => parseJsonWith(z.unknown(), text, 'message')).toThrow(/^\[invalid\] bad message: it is not JSON: /)
  })

  it.each(['{"__proto__":{"x":1}}', '{"a":[{"__proto__":null}]}'])('refuses prototype keys: %s', (text) => {
    expect(() => parseJsonWith(z.unknown(), text, 'message')).toThrow(/__proto__ is not allowed/)
    expect(({} as { x?: number }).x).toBeUndefined()
  })

  it('refuses prototype keys in what was parsed already, where zod would drop them', () => {
    const labels = JSON.parse('{"a":"b","__proto__":"x"}') as unknown
    expect(StringMap.safeParse(labels).success).toBe(true)
    expect(() => parseWith(StringMap, labels, 'labels')).toThrow(/__proto__ is not allowed/)
  })

  it('refuses bottomless nesting without recursion', () => {
    const text = `${'['.repeat(100_000)}${']'.repeat(100_000)}`
    expect(() => parseJsonWith(z.unknown(), text, 'message')).toThrow(/deeper than 32 levels/)
  })

  it.each(['constructor', 'prototype', ''])('refuses the option key %j', (key) => {
    expect(StringMap.safeParse({ [key]: 'x' }).success).toBe(false)
  })

  it.each(['a/b', '..', 'a b', '-a', 'a-', 'A', '', 'a'.repeat(64), 'default', 'ä', 'a.b', '--help', 'a\n'])(
    'refuses the name %j',
    (name) => {
      expect(Name.safeParse(name).success).toBe(false)
    },
  )

  it.each(['a', 'my-net-2', '0', 'a'.repeat(63)])('takes the name %j', (name) => {
    expect(Name.parse(name)).toBe(name)
  })

  it.each(['--help', '-a', 'eth 0', 'eth/0', '', '.', '..', 'a'.repeat(16), 'é'])(
    'refuses the interface %j',
    (name) => {
      expect(InterfaceName.safeParse(name).success).toBe(false)
    },
  )

  it.each(['eth0', 'enp7s0f1np1', 'eth0.100', 'a'.repeat(15), 'br-lan', 'wlan_0'])('takes the interface %j', (name) => {
    expect(InterfaceName.parse(name)).toBe(name)
  })

  it('makes addresses canonical', () => {
    expect(IpText.parse('FD00::0:1')).toBe('fd00::1')
    expect(CidrText.parse('FD00:0::/64')).toBe('fd00::/64')
    expect(() => parseWith(CidrText, '10.0.0.1/24', 'subnet')).toThrow(/host bits set: .*; write 10\.0\.0\.0\/24$/)
  })

  it('makes MACs canonical and refuses multicast', () => {
    expect(Mac.parse('02-AA-BB-CC-DD-01')).toBe('02:aa:bb:cc:dd:01')
    for (const bad of ['01:00:5e:00:00:01', '02:aa:bb:cc:dd', '02aabbccdd01', 'ff:ff:ff:ff:ff:ff', '']) {
      expect(Mac.safeParse(bad).success, bad).toBe(false)
    }
  })

  it('takes 20 base32 digits as a uid', () => {
    expect(Uid.safeParse('0'.repeat(20)).success).toBe(true)
    for (const bad of ['0'.repeat(19), `${'0'.repeat(19)}i`, `${'0'.repeat(19)}U`])
      expect(Uid.safeParse(bad).success).toBe(false)
  })
})
