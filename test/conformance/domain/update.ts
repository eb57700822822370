/** A living network gets other labels, options, ranges, auxiliary addresses and more subnets, or a refusal with its reason. */
import { NetworkUpdateRequest } from '@weft/shared'
import { describe, expect, it } from 'vitest'
import { compileHost, updateNetwork } from '../../../controller/src/domain/index.ts'
import { keys } from '../../../controller/src/domain/pure/keys.ts'
import { claim, type DomainStage, endQuarantine, failure, newRequest, on, release } from './world.ts'

type Wish = Omit<Partial<NetworkUpdateRequest>, 'req'>

export function updateConformance(at: DomainStage): void {
  const update = (ref: string, wish: Wish) =>
    updateNetwork(at.deps, ref, NetworkUpdateRequest.parse({ req: newRequest(), ...wish }), 'local')
  const everything = async () => (await at.deps.kv.list('/weft/v1/')).entries

  describe('update', () => {
    it('changes labels and live options, tells what changed, and every host hears of it', async () => {
      await at.create('front', { ...on('10.9.0.0/24'), labels: { team: 'web', old: '1' }, options: { flood: 'true' } })
      const { network, changes } = await update('front', {
        labels: { team: 'db', tier: '2' },
        labelsRemove: ['old', 'never'],
        options: { mtu: '1400' },
        optionsRemove: ['flood'],
      })
      expect(network).toMatchObject({ labels: { team: 'db', tier: '2' }, options: { mtu: '1400' }, mtu: 1400 })
      expect(changes).toEqual([
        { what: 'label old', before: '1' },
        { what: 'label team', before: 'web', after: 'db' },
        { what: 'label tier', after: '2' },
        { what: 'option flood', before: 'true' },
        { what: 'option mtu', after: '1400' },
        { what: 'MTU', before: '1450', after: '1400' },
      ])
      const intent = compileHost(await at.deps.cluster.newest(), 'docker2')
      expect(intent.get(`network/${network.uid}`)).toMatchObject({ mtu: 1400, labels: { team: 'db' } })
      expect((await update('front', { optionsRemove: ['com.docker.network.driver.mtu'] })).network.mtu).toBe(1450)
    })

    it('writes nothing when nothing differs, when tried, and when refused', async () => {
      await at.create('front', { ...on('10.9.0.0/24'), labels: { team: 'web' } })
      const before = await everything()
      expect(await update('front', { labels: { team: 'web' }, ipRanges: ['10.9.0.0/24'] })).toMatchObject({
        changes: [],
      })
      const tried = await update('front', { dryRun: true, labels: { a: 'b' }, subnets: [{ subnet: '10.8.0.0/24' }] })
      expect(tried.network).toMatchObject({
        labels: { a: 'b', team: 'web' },
        subnets: [{ cidr: '10.9.0.0/24' }, { cidr: '10.8.0.0/24', usable: '253' }],
      })
      await failure(update('front', { options: { vni: '77' } }))
      expect(await everything()).toEqual(before)
    })

    it.each([
      [{ options: { vni: '77' } }, 'unsupported', 'packets by'],
      [{ options: { attach: 'macvlan' } }, 'unsupported', 'kind of interface'],
      [{ subnets: [{ subnet: 'fd09::/64' }] }, 'unsupported', 'IPv6'],
      [{ options: { mtu: '9000' } }, 'invalid', 'carries 1500'],
      [{ options: { nonsense: '1' } }, 'invalid', 'nonsense'],
      [{ subnets: [{ subnet: '10.7.0.0/16' }] }, 'conflict', 'network back'],
      [{ subnets: [{ subnet: '192.168.77.0/25' }] }, 'conflict', 'host docker1'],
      [{ ipRanges: ['10.10.0.0/25'] }, 'invalid', '10.9.0.0/24'],
      [{ ipRanges: ['10.9.0.0/25', '10.9.0.128/25'] }, 'invalid', 'given twice'],
      [{ auxAddresses: { gate: '10.9.0.1' } }, 'invalid', 'auxiliary'],
      [{ auxAddresses: { far: '10.77.0.1' } }, 'invalid', 'outside'],
      [{ auxAddresses: { a: '10.9.0.9' }, auxRemove: ['a'] }, 'invalid', 'named twice'],
      [{ labels: { a: 'b' }, revision: 1 }, 'conflict', 'revision'],
    ] satisfies [Wish, string, string][])('refuses %j', async (wish, code, words) => {
      await at.create('back', on('10.7.0.0/24'))
      await at.create('front', on('10.9.0.0/24'))
      const before = await everything()
      const error = await failure(update('front', wish))
      expect(error).toMatchObject({ code, message: expect.stringContaining(words) })
      expect(error.parts.remedy).toBeTruthy()
      expect(await everything()).toEqual(before)
    })

    it('refuses an MTU too small for the IPv6 that a network has', async () => {
      await at.create('dual', { ipv6: true })
      expect(await failure(update('dual', { options: { mtu: '1279' } }))).toMatchObject({ code: 'invalid' })
      expect((await update('dual', { options: { mtu: '1280' } })).network.mtu).toBe(1280)
    })

    it('moves the range from which addresses are chosen; who is outside stays', async () => {
      const network = await at.create('front', on('10.9.0.0/24'))
      expect((await claim(at.deps, at.one, network)).addresses).toEqual(['10.9.0.2'])
      const { network: after, warnings } = await update('front', { ipRanges: ['10.9.0.128/25'] })
      expect(after.subnets[0]).toMatchObject({ ipRange: '10.9.0.128/25', used: 1 })
      expect(warnings.join()).toContain('1 addresses in use lie outside')
      expect((await claim(at.deps, at.one, network)).addresses).toEqual(['10.9.0.128'])
      await update('front', { ipRanges: ['10.9.0.0/24'] })
      expect((await at.deps.cluster.newest()).subnets.get(network.subnets[0]?.uid ?? '')?.value).not.toHaveProperty(
        'ipRange',
      )
    })

    it('reserves auxiliary addresses that nobody has, and lets them go', async () => {
      const network = await at.create('front', { ...on('10.9.0.0/24'), auxAddresses: { old: '10.9.0.3' } })
      const held = await claim(at.deps, at.one, network)
      expect(held.addresses).toEqual(['10.9.0.2'])
      const error = await failure(update('front', { auxAddresses: { nas: '10.9.0.2' } }))
      expect(error).toMatchObject({ code: 'conflict', message: expect.stringContaining('docker1') })
      const { changes } = await update('front', {
        auxAddresses: { nas: '10.9.0.4', also: '10.9.0.3' },
        auxRemove: ['old'],
      })
      expect(changes.map(({ what }) => what).sort()).toEqual([
        'auxiliary address also',
        'auxiliary address nas',
        'auxiliary address old',
      ])
      expect((await claim(at.deps, at.one, network)).addresses).toEqual(['10.9.0.5'])
      await update('front', { auxRemove: ['also', 'nas'] })
      const asked = await claim(at.deps, at.two, network, { address: '10.9.0.4' })
      expect(asked.addresses).toEqual(['10.9.0.4'])
      await release(at.deps, at.one, held.uid)
      await at.deps.cluster.newest()
      const { network: after } = await update('front', { auxAddresses: { nas: '10.9.0.2' } })
      expect(after.subnets[0]?.auxAddresses).toEqual({ nas: '10.9.0.2' })
      await endQuarantine(at.deps, at.world)
      expect((await at.deps.kv.get(keys.reserved(network.subnets[0]?.uid ?? '', '0a090002'))).entry).toBeDefined()
    })

    it('goes on in an added subnet when the first is full', async () => {
      const network = await at.create('front', on('10.9.0.0/29'))
      for (let n = 0; n < 5; n++) await claim(at.deps, at.one, network)
      expect(await failure(claim(at.deps, at.one, network))).toMatchObject({
        code: 'exhausted',
        parts: { remedy: expect.stringContaining('weft network update front --subnet') },
      })
      const { network: after } = await update('front', {
        subnets: [{ subnet: '10.10.0.0/24', ipRange: '10.10.0.64/26' }],
      })
      expect(after.subnets.map(({ cidr }) => cidr)).toEqual(['10.9.0.0/29', '10.10.0.0/24'])
      const first = await claim(at.deps, at.two, network, { req: 'the-same-wish' })
      expect(first.addresses).toEqual(['10.10.0.64'])
      expect(await claim(at.deps, at.two, network, { req: 'the-same-wish' })).toEqual(first)
    })

    it('lets one of two updates at once be seen by the other', async () => {
      await at.create('front', on('10.9.0.0/24'))
      const other = await at.world.another()
      const both = Array.from({ length: 10 }, (_, n) => {
        const request = NetworkUpdateRequest.parse({ req: newRequest(), labels: { [`l${n}`]: 'x' } })
        return updateNetwork(n % 2 === 0 ? at.deps : other, 'front', request, 'local')
      })
      await Promise.all(both)
      const { network } = await update('front', {})
      expect(Object.keys(network.labels)).toHaveLength(10)
    })

    it('lets one of twenty overlapping subnets be added', async () => {
      const names = Array.from({ length: 20 }, (_, n) => `net${n}`)
      for (const [n, name] of names.entries()) await at.create(name, on(`10.${n + 1}.0.0/24`))
      const added = names.map((name, n) => update(name, { subnets: [{ subnet: `10.99.0.0/${16 + (n % 4)}` }] }))
      const outcomes = await Promise.allSettled(added)
      expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    })
  })
}
