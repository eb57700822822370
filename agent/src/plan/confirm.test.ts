import { EMPTY_HOST_STATE, type HostState } from '@weft/shared'
import { describe, expect, it } from 'vitest'
import { aLocal } from '../../../test/support/networks.ts'
import { confirmAttachments } from './confirm.ts'

const seen = (netns: string, name: string, mac: string): HostState => ({
  ...EMPTY_HOST_STATE,
  links: [{ kind: 'other', netns, name, mac }],
})

describe('confirming attachments', () => {
  const endpoint = aLocal(1, 'in-flight')
  const sandbox = '/var/run/docker/netns/c1'

  it('finds the interface in its sandbox by MAC, under the name that Docker gave it', () => {
    const [confirmed] = confirmAttachments([endpoint], seen(sandbox, 'eth3', endpoint.mac.toUpperCase()))
    expect(confirmed?.attachment).toEqual({ phase: 'sandbox', link: { netns: sandbox, name: 'eth3' } })
  })

  it.each([
    ['the host’s own netns', seen('', 'eth0', endpoint.mac)],
    ['another sandbox', seen('/var/run/docker/netns/zz', 'eth0', endpoint.mac)],
    ['nowhere', EMPTY_HOST_STATE],
    ['its sandbox, with another MAC', seen(sandbox, 'eth0', '02:00:00:00:00:99')],
  ])('leaves it in flight when it is seen in %s', (_where, observed) => {
    expect(confirmAttachments([endpoint], observed)[0]).toBe(endpoint)
  })

  it('finds one with its parent’s MAC by an address of its own', () => {
    const shared = { ...endpoint, sharesMac: true }
    const [own = ''] = endpoint.addresses
    const parentMac = seen(sandbox, 'eth3', '02:00:00:00:ee:01')
    const at = (netns: string, address: string) => ({
      ...parentMac,
      addresses: [{ netns, link: 'eth3', address }],
    })
    expect(confirmAttachments([shared], at(sandbox, own))[0]?.attachment).toEqual({
      phase: 'sandbox',
      link: { netns: sandbox, name: 'eth3' },
    })
    expect(confirmAttachments([shared], at(sandbox, '10.9.9.9/24'))[0]).toBe(shared)
    expect(confirmAttachments([shared], at('/var/run/docker/netns/zz', own))[0]).toBe(shared)
    expect(confirmAttachments([shared], seen(sandbox, 'eth3', endpoint.mac))[0]).toBe(shared)
  })

  it('leaves it in flight while the sandbox is unknown', () => {
    const unknown = { ...endpoint, attachment: { phase: 'in-flight', link: endpoint.attachment.link } as const }
    expect(confirmAttachments([unknown], seen(sandbox, 'eth0', endpoint.mac))[0]).toBe(unknown)
  })

  it('follows a link that was renamed, and takes no other one for it', () => {
    const [own, other] = [aLocal(1, 'sandbox'), '02:00:00:00:00:99']
    const [followed] = confirmAttachments([own], seen(sandbox, 'lan0', own.mac))
    expect(followed?.attachment).toEqual({ phase: 'sandbox', link: { netns: sandbox, name: 'lan0' } })
    expect(confirmAttachments([own], seen(sandbox, 'lan0', other))[0]).toBe(own)
    const both = { ...EMPTY_HOST_STATE, links: ['eth0', 'lan0'].flatMap((name) => seen(sandbox, name, own.mac).links) }
    expect(confirmAttachments([own], both)[0]).toBe(own)
  })

  it('takes back one whose sandbox is gone, and leaves the others', () => {
    const [one, two] = [aLocal(1, 'sandbox'), aLocal(2, 'sandbox')]
    const result = confirmAttachments([one, two], EMPTY_HOST_STATE, [sandbox])
    expect(result[0]?.attachment).toMatchObject({ phase: 'in-flight', sandbox })
    expect(result[1]).toBe(two)
  })
})
