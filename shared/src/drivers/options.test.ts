import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { describeOptions, parseOptions, resolveOptions } from './options.ts'
import { driverFor, drivers } from './registry.ts'

const [overlay, macvlan, bridge, ipvlan] = ['overlay', 'macvlan', 'bridge', 'ipvlan'].map(driverFor) as [
  ReturnType<typeof driverFor>,
  ReturnType<typeof driverFor>,
  ReturnType<typeof driverFor>,
  ReturnType<typeof driverFor>,
]

describe('driver options', () => {
  it('reads values', () => {
    expect(
      parseOptions(overlay, {
        attach: 'macvlan',
        port: '8472',
        vni: '16777215',
        mtu: '1400',
        flood: 'true',
        egress: 'none',
      }),
    ).toEqual({ attach: 'macvlan', port: 8472, vni: 16777215, mtu: 1400, flood: true, egress: 'none' })
    expect(parseOptions(bridge, {})).toEqual({})
  })

  it('takes Docker’s spellings', () => {
    expect(resolveOptions(macvlan, { parent: 'eth1', mode: 'vepa', 'com.docker.network.driver.mtu': '1400' })).toEqual({
      parent: 'eth1',
      macvlan_mode: 'vepa',
      mtu: '1400',
    })
    expect(parseOptions(macvlan, { parent: 'eth1.5', macvlan_mode: 'private' })).toMatchObject({
      parent: { interface: 'eth1', vlanIds: [5] },
      macvlan_mode: 'private',
    })
  })

  it.each([
    [
      overlay,
      { prot: '1' },
      'unknown option of the overlay driver: prot: it takes attach, port, vni, mtu, host_access, flood, icc, spoof_check, egress, nat; did you mean port?',
    ],
    [overlay, { parent: 'eth1' }, 'unknown option of the overlay driver: parent'],
    [
      overlay,
      { zzzzzz: '1' },
      'zzzzzz: it takes attach, port, vni, mtu, host_access, flood, icc, spoof_check, egress, nat; leave it out',
    ],
    [overlay, { constructor: '1' }, 'unknown option of the overlay driver: constructor'],
    [macvlan, { parent: 'eth1', macvlanmode: 'bridge' }, 'did you mean macvlan_mode?'],
    [
      bridge,
      { 'com.docker.network.bridge.name': 'br7' },
      'option of a driver of Docker’s own: com.docker.network.bridge.name',
    ],
    [
      overlay,
      { mtu: '1400', 'com.docker.network.driver.mtu': '1500' },
      'option given twice: com.docker.network.driver.mtu=1500, mtu=1400: both set mtu; give only mtu',
    ],
    [
      overlay,
      { attach: 'macvlan', icc: 'false', egress: 'weft' },
      'icc=false: it must not be false with attach=macvlan',
    ],
    [macvlan, { parent: 'eth1', macvlan_mode: 'bridge', icc: 'false' }, 'icc=false: it is private mode'],
    [ipvlan, { parent: 'eth1', ipvlan_flag: 'vepa', icc: 'false' }, 'icc=false: it is the private flag'],
    [bridge, { spoof_check: 'no' }, 'spoof_check=no: it must be one of on, off; write it like -o spoof_check=off'],
    [overlay, { attach: 'ipvlan' }, 'attach=ipvlan: it must be one of bridge, macvlan; write it like -o attach=bridge'],
    [overlay, { port: '0' }, 'port=0: it must be a number from 1 to 65535; write it like -o port=4789'],
    [overlay, { port: '65536' }, 'port=65536: it must be a number'],
    [overlay, { port: '0x10' }, 'port=0x10: it must be a number'],
    [overlay, { port: '010' }, 'port=010: it must be a number'],
    [overlay, { port: ' 10' }, 'must be a number'],
    [overlay, { vni: '16777216' }, 'must be a number from 1 to 16777215'],
    [overlay, { vni: '0' }, 'must be a number from 1 to 16777215'],
    [overlay, { vni: '-1' }, 'must be a number'],
    [overlay, { mtu: '67' }, 'must be a number from 68 to 65535'],
    [overlay, { flood: 'yes' }, 'flood=yes: it must be true or false'],
    [overlay, { egress: 'gateway' }, 'egress=gateway: it must be one of docker, weft, none'],
    [overlay, { attach: '' }, 'attach=: it must be one of bridge, macvlan'],
    [macvlan, {}, 'option of the macvlan driver is missing: parent'],
    [macvlan, { parent: '--help' }, 'parent=--help: it must begin with a letter or digit'],
    [macvlan, { parent: 'eth1.4095' }, 'parent=eth1.4095: VLAN id out of range: VLANs are numbered 1 to 4094'],
    [macvlan, { parent: 'enp7s0f1np1.1000' }, 'name of the VLAN sub-interface is too long'],
    [
      macvlan,
      { parent: 'eth1', mode: 'bridged' },
      'macvlan_mode=bridged: it must be one of bridge, private, vepa, passthru',
    ],
  ])('refuses with value, rule and remedy: %#', (driver, options, message) => {
    expect(() => parseOptions(driver, options as Record<string, string>)).toThrow(message)
    try {
      parseOptions(driver, options as Record<string, string>)
    } catch (error) {
      expect(error).toMatchObject({
        code: 'invalid',
        parts: { on: expect.any(String), why: expect.any(String), remedy: expect.any(String) },
      })
    }
  })

  it('reads again what it resolved', () => {
    const given = { parent: '@storage.7', mode: 'bridge', 'com.docker.network.driver.mtu': '1500' }
    expect(parseOptions(macvlan, resolveOptions(macvlan, given))).toEqual(parseOptions(macvlan, given))
  })

  it('answers any map with options or with one refusal', () => {
    fc.assert(
      fc.property(fc.constantFrom(...drivers()), fc.dictionary(fc.string(), fc.string()), (driver, given) => {
        try {
          parseOptions(driver, given)
        } catch (error) {
          expect(error).toMatchObject({ code: 'invalid' })
        }
      }),
    )
  })

  it('describes every option with an example that it takes itself', () => {
    for (const driver of drivers()) {
      const help = describeOptions(driver)
      expect(help.length).toBeGreaterThan(0)
      for (const { description } of help) expect(description).not.toBe('')
      const required = help.filter((option) => option.required)
      for (const option of help) {
        const examples = Object.fromEntries([...required, option].map(({ name, example }) => [name, example]))
        expect(() => parseOptions(driver, examples), option.name).not.toThrow()
      }
    }
    expect(describeOptions(macvlan)).toContainEqual(
      expect.objectContaining({ name: 'macvlan_mode', aliases: ['mode'], required: false, example: 'bridge' }),
    )
    expect(describeOptions(macvlan)[0]).toMatchObject({ name: 'parent', required: true })
  })
})

describe('the registry', () => {
  it('knows drivers by name and alias', () => {
    expect(driverFor('vxlan')).toBe(overlay)
    expect(drivers().map(({ name }) => name)).toEqual(['overlay', 'macvlan', 'bridge', 'ipvlan'])
  })

  it('says what there is otherwise', () => {
    expect(() => driverFor('overlya')).toThrow(
      'unknown driver: overlya: Weft has overlay, macvlan, bridge, ipvlan; did you mean overlay?',
    )
    expect(() => driverFor('--help')).toThrow(/use one of overlay, macvlan, bridge/)
  })

  it('gives no name twice', () => {
    const names = drivers().flatMap(({ name, aliases }) => [name, ...aliases])
    expect(new Set(names).size).toBe(names.length)
  })
})
