import { describe, expect, it } from 'vitest'
import { dockerHostLayout, labLayout, labPrefix, MAX_HOSTS, parseLabName } from './layout.ts'

describe('the layout of a lab', () => {
  it('gives every host names, paths and addresses of its own', () => {
    const lab = labLayout('default')
    const hosts = [
      lab.controller,
      ...Array.from({ length: MAX_HOSTS }, (_, index) => dockerHostLayout('default', index + 1)),
    ]
    for (const key of ['name', 'netns', 'ipv4', 'ipv6', 'folder', 'run', 'dockerSocket', 'cgroup'] as const)
      expect(new Set(hosts.map((host) => host[key])).size).toBe(hosts.length)
  })

  it('keeps port names and socket paths within what the kernel takes', () => {
    const host = dockerHostLayout('abcdefghijkl', MAX_HOSTS)
    expect(host.name.length).toBeLessThanOrEqual(15)
    // sun_path of unix(7) holds 108 bytes with its final zero; Docker adds the plugin's socket.
    expect(`${host.run}/docker/plugins/weft.sock`.length).toBeLessThan(108)
  })

  it('keeps the last host inside the underlay', () => {
    expect(dockerHostLayout('default', 1).ipv4).toBe('10.250.0.11')
    expect(dockerHostLayout('default', MAX_HOSTS).ipv4).toBe('10.250.0.210')
  })

  it('gives no lab a prefix of another', () => {
    expect('weft-ab-docker1'.startsWith(labPrefix('a'))).toBe(false)
  })

  it.each(['', 'A', '1a', 'a-b', '../x', 'abcdefghijklm', 'a b', 'a/b'])('refuses the name %j', (name) => {
    expect(() => parseLabName(name)).toThrow('[invalid] lab name')
  })

  it.each([0, -1, 1.5, MAX_HOSTS + 1, Number.NaN])('refuses host number %s', (index) => {
    expect(() => dockerHostLayout('default', index)).toThrow('[invalid] number of lab hosts')
  })
})
