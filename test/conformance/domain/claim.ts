/** T1: addresses by compare-and-set, and every refusal by name. */
import type { WeftError } from '@weft/shared'
import { describe, expect, it } from 'vitest'
import { claim, type DomainStage, endQuarantine, failure, newRequest, on, release, report, uidOfMac } from './world.ts'

export function claimConformance(at: DomainStage): void {
  describe('claim', () => {
    it('gives ascending addresses, goes on after the last, and wraps', async () => {
      const network = await at.create('front', { subnets: [{ subnet: '10.1.0.0/29' }] })
      const first = await claim(at.deps, at.one, network)
      expect(first).toMatchObject({ host: 'docker1', addresses: ['10.1.0.2'], aliases: [] })
      const second = await claim(at.deps, at.two, network)
      expect(second.addresses).toEqual(['10.1.0.3'])
      await release(at.deps, at.one, first.uid)
      at.world.clock.advance(20_000)
      await endQuarantine(at.deps, at.world)
      expect((await claim(at.deps, at.one, network)).addresses).toEqual(['10.1.0.4'])
      expect((await claim(at.deps, at.one, network)).addresses).toEqual(['10.1.0.5'])
      expect((await claim(at.deps, at.one, network)).addresses).toEqual(['10.1.0.6'])
      expect((await claim(at.deps, at.one, network)).addresses).toEqual(['10.1.0.2'])
    })

    it('stays in the IP range, but lets one ask for an address outside of it', async () => {
      const network = await at.create('front', { subnets: [{ subnet: '10.1.0.0/24', ipRange: '10.1.0.64/30' }] })
      const given = []
      for (let n = 0; n < 4; n++) given.push((await claim(at.deps, at.one, network)).addresses[0])
      expect(given).toEqual(['10.1.0.64', '10.1.0.65', '10.1.0.66', '10.1.0.67'])
      expect((await claim(at.deps, at.one, network, { address: '10.1.0.9' })).addresses).toEqual(['10.1.0.9'])
      expect(await failure(claim(at.deps, at.one, network))).toMatchObject({ code: 'exhausted' })
    })

    it('gives IPv6 addresses', async () => {
      const network = await at.create('dual', { ipv6: true, subnets: [{ subnet: 'fd00:9::/64' }] })
      const subnet = network.subnets[1]?.uid ?? ''
      expect((await claim(at.deps, at.one, network, { subnet })).addresses).toEqual(['fd00:9::2'])
      const far = await claim(at.deps, at.one, network, { subnet, address: 'fd00:9::ffff:ffff:ffff:fffe' })
      expect(far.addresses).toEqual(['fd00:9::ffff:ffff:ffff:fffe'])
      expect((await claim(at.deps, at.one, network, { subnet })).addresses).toEqual(['fd00:9::3'])
    })

    it('answers a repeated request with the same endpoint, at once and later, from any controller', async () => {
      const network = await at.create('front')
      const req = newRequest()
      const other = await at.world.another()
      const [a, b] = await Promise.all([
        claim(at.deps, at.one, network, { req }),
        claim(other, at.one, network, { req }),
      ])
      expect(b).toEqual(a)
      expect(await claim(at.deps, at.one, network, { req })).toEqual(a)
      const error = await failure(claim(at.deps, at.one, network, { req, address: '10.64.0.77' }))
      expect(error.message).toContain('request id was used for something else')
    })

    it('gives 64 concurrent claims of two controllers in a /26 no address twice, and names who exhausts it', async () => {
      const network = await at.create('small', on('10.1.0.0/26'))
      const other = await at.world.another()
      const answers = await Promise.allSettled(
        Array.from({ length: 64 }, (_, n) =>
          claim(n % 2 === 0 ? at.deps : other, n % 3 === 0 ? at.one : at.two, network),
        ),
      )
      const given = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value.addresses : []))
      expect(given).toHaveLength(61)
      expect(new Set(given).size).toBe(61)
      const errors = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason as WeftError] : []))
      for (const error of errors) {
        expect(error.code).toBe('exhausted')
        expect(error.message).toMatch(
          /10\.1\.0\.0\/26 of network small.*of 64 addresses 61 are used, 3 reserved.*10\.1\.0\.2 endpoint .* on docker\d.*51 more/,
        )
      }
    })

    it('gives one of two claims for one address to one, and tells the other whose it is', async () => {
      const network = await at.create('front', on('10.1.0.0/24'))
      const other = await at.world.another()
      const answers = await Promise.allSettled([
        claim(at.deps, at.one, network, { address: '10.1.0.9' }),
        claim(other, at.two, network, { address: '10.1.0.9' }),
      ])
      const error = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason as WeftError] : []))
      expect(error).toHaveLength(1)
      expect(error[0]).toMatchObject({
        code: 'conflict',
        message: expect.stringMatching(/10\.1\.0\.9.*on docker\d has it since 2026/),
      })
    })

    it('names the container that has an asked-for address', async () => {
      const network = await at.create('front', on('10.1.0.0/24'))
      const holder = await claim(at.deps, at.one, network, { address: '10.1.0.9' })
      await report(at.deps, at.one, [{ uid: holder.uid, name: 'web', containerId: 'c0ffee123456789' }])
      const error = await failure(claim(at.deps, at.two, network, { address: '10.1.0.9' }))
      expect(error.message).toContain('container web (c0ffee123456) on docker1 has it since')
    })

    it.each([
      ['10.2.0.9', /outside the subnet 10\.1\.0\.0\/24/],
      ['10.1.0.0', /network address/],
      ['10.1.0.255', /broadcast address/],
      ['10.1.0.1', /gateway/],
      ['10.1.0.50', /auxiliary address "router"/],
      ['fd00::1', /outside/],
    ])('refuses to give %s', async (address, message) => {
      const network = await at.create('front', { ...on('10.1.0.0/24'), auxAddresses: { router: '10.1.0.50' } })
      const error = await failure(claim(at.deps, at.one, network, { address }))
      expect(error).toMatchObject({ code: 'invalid', message: expect.stringMatching(message) })
    })

    it('keeps MACs unique in a network, and names who has an asked-for one', async () => {
      const network = await at.create('front')
      const mac = '02:aa:00:00:00:01'
      await claim(at.deps, at.one, network, { mac })
      const error = await failure(claim(at.deps, at.two, network, { mac }))
      expect(error).toMatchObject({
        code: 'conflict',
        message: expect.stringMatching(/02:aa:00:00:00:01.*on docker1 has it/),
      })
      const elsewhere = await at.create('back')
      expect((await claim(at.deps, at.two, elsewhere, { mac })).mac).toBe(mac)
    })

    it('derives another MAC when the derived one is taken', async () => {
      const network = await at.create('front')
      const wouldBe = (await claim(at.deps, at.one, network)).mac
      await release(at.deps, at.one, await uidOfMac(at.deps, wouldBe))
      await claim(at.deps, at.one, network, { mac: wouldBe, address: '10.64.0.99' })
      const again = await claim(at.deps, at.one, network, { address: '10.64.0.2' })
      expect(again.mac).not.toBe(wouldBe)
    })

    it('lets an explicit wish end a quarantine, and keeps choice away from it', async () => {
      const network = await at.create('tiny', on('10.1.0.0/30'))
      const only = await claim(at.deps, at.one, network)
      await release(at.deps, at.one, only.uid)
      const error = await failure(claim(at.deps, at.two, network))
      expect(error).toMatchObject({ code: 'exhausted', message: expect.stringContaining('1 in quarantine') })
      expect((await claim(at.deps, at.two, network, { address: '10.1.0.2' })).addresses).toEqual(only.addresses)
    })

    it('refuses an old epoch, another instance and a host that never joined', async () => {
      const network = await at.create('front')
      const old = { ...at.one, fence: { ...at.one.fence, epoch: at.one.fence.epoch - 1 } }
      expect(await failure(claim(at.deps, old, network))).toMatchObject({ code: 'denied' })
      const twin = { ...at.one, fence: { ...at.one.fence, instance: 'somebody-else' } }
      expect((await failure(claim(at.deps, twin, network))).message).toContain('instance instance-1 joined')
      expect(await failure(claim(at.deps, { ...at.one, host: 'docker9' }, network))).toMatchObject({ code: 'denied' })
    })

    it('refuses a network or subnet that is not', async () => {
      const network = await at.create('front')
      const gone = { ...network, uid: '0'.repeat(20) }
      expect(await failure(claim(at.deps, at.one, gone))).toMatchObject({ code: 'not_found' })
      expect(await failure(claim(at.deps, at.one, network, { subnet: '0'.repeat(20) }))).toMatchObject({
        code: 'not_found',
      })
    })
  })
}
