/** The way out of a living network: what changes, whom the answer names, and what is refused. */
import { type EndpointReport, NetworkUpdateRequest } from '@weft/shared'
import { describe, expect, it } from 'vitest'
import {
  connectRouter,
  createRouter,
  endpointViews,
  keepShims,
  publish,
  updateNetwork,
} from '../../../controller/src/domain/index.ts'
import { claim, type DomainStage, failure, lead, newRequest, on, report } from './world.ts'

export function updateEgressConformance(at: DomainStage): void {
  const update = (ref: string, wish: Omit<Partial<NetworkUpdateRequest>, 'req'>) =>
    updateNetwork(at.deps, ref, NetworkUpdateRequest.parse({ req: newRequest(), ...wish }), 'local')
  const make = (egress: string, more: object = {}) =>
    at.create('front', { ...on('10.9.0.0/24'), options: { egress, ...more } })
  /** A running container of that name. */
  async function run(network: Awaited<ReturnType<typeof make>>, name: string, told: Partial<EndpointReport> = {}) {
    const { uid } = await claim(at.deps, name === 'b' ? at.two : at.one, network)
    await report(at.deps, name === 'b' ? at.two : at.one, [{ uid, name, ...told }])
    await at.deps.cluster.newest()
    return uid
  }
  const lagging = () =>
    endpointViews(at.deps.cluster.current()).flatMap(({ name, egress }) => (egress ? [`${name} ${egress}`] : []))

  describe('update of the way out', () => {
    it('names whose connections end, and whose ports go on being open', async () => {
      const network = await make('docker')
      await run(network, 'a', { joinedEgress: 'docker' })
      await run(network, 'b', { joinedEgress: 'docker' })
      const { changes, warnings, network: after } = await update('front', { options: { egress: 'weft' } })
      expect(changes).toEqual([
        { what: 'option egress', before: 'docker', after: 'weft' },
        { what: 'egress', before: 'docker', after: 'weft' },
      ])
      expect(after.egress).toBe('weft')
      expect(warnings).toEqual([
        'running containers lose the connections that they have open to the outside: a on docker1; b on docker2',
        expect.stringMatching(/keep ports that Docker opened .* then Weft opens them: a on docker1; b on docker2$/),
      ])
    })

    it('names whose ports close', async () => {
      const network = await make('weft')
      await run(network, 'a', { joinedEgress: 'docker', egress: 'weft' })
      await run(network, 'b', { joinedEgress: 'weft', ports: [{ protocol: 'tcp', hostPort: 80, port: 80 }] })
      const { warnings } = await update('front', { options: { egress: 'none' } })
      expect(warnings).toEqual([
        expect.stringContaining('lose the connections'),
        expect.stringMatching(/Docker opened \(docker run -p\) closed: a on docker1$/),
        expect.stringMatching(/have their ports \(docker run -p\) closed: b on docker2$/),
      ])
    })

    it('names who keeps the way out of before, and lists them until they follow', async () => {
      const network = await make('weft')
      await run(network, 'a', { joinedEgress: 'docker', egress: 'weft' })
      const uid = await run(network, 'b', { joinedEgress: 'weft' })
      expect(lagging()).toEqual([])
      const { warnings } = await update('front', { optionsRemove: ['egress'] })
      expect(warnings).toEqual([
        expect.stringMatching(/keep the way out that they have \(weft\) .*: b on docker2$/),
        expect.stringMatching(/lose the connections .*: a on docker1$/),
      ])
      await report(at.deps, at.two, [{ uid, name: 'b', joinedEgress: 'docker' }])
      await at.deps.cluster.newest()
      expect(lagging()).toEqual(['a weft'])
    })

    it('keeps what was said of a running container while its agent does not know, and forgets it with the container', async () => {
      const network = await make('weft')
      const uid = await run(network, 'a', { joinedEgress: 'docker', egress: 'weft' })
      const before = (await at.deps.cluster.newest()).revision
      await report(at.deps, at.one, [{ uid, name: 'a' }])
      expect((await at.deps.cluster.newest()).revision).toBe(before)
      await report(at.deps, at.one, [{ uid, name: 'a', state: 'detached' }])
      const { joinedEgress, egress } = (await at.deps.cluster.newest()).endpoints.get(uid)?.value ?? {}
      expect([joinedEgress, egress]).toEqual([undefined, undefined])
    })

    it('says nothing of whom it does not concern', async () => {
      const network = await make('none')
      await run(network, 'a', { joinedEgress: 'none' })
      await claim(at.deps, at.two, network)
      await at.deps.cluster.newest()
      const { warnings } = await update('front', { options: { egress: 'weft' } })
      expect(warnings).toEqual([
        expect.stringMatching(/ports \(docker run -p\) opened at their next start: a on docker1$/),
      ])
      expect((await update('front', { labels: { a: 'b' } })).warnings).toEqual([])
    })

    it('leaves internal networks without one', async () => {
      await at.create('shut', { ...on('10.9.0.0/24'), internal: true })
      const { network, changes, warnings } = await update('shut', { options: { egress: 'weft' } })
      expect(network.egress).toBe('none')
      expect(changes.map(({ what }) => what)).toEqual(['option egress'])
      expect(warnings).toEqual([])
    })

    it.each([
      ['weft', { nat: 'false' }, { options: { egress: 'none' } }, '--opt-rm nat'],
      ['docker', {}, { options: { nat: 'false' } }, 'egress=weft'],
      ['docker', {}, { options: { egress: 'gateway' } }, 'docker, weft, none'],
      ['docker', { attach: 'macvlan', icc: 'false' }, { options: { egress: 'weft' } }, 'attach=bridge'],
    ])('refuses, of a network with egress=%s and %j, %j', async (egress, more, wish, words) => {
      await make(egress, more)
      expect(await failure(update('front', wish))).toMatchObject({
        code: 'invalid',
        message: expect.stringContaining(words),
      })
    })

    it('gives a host an address for publications that its gateway no longer leads to', async () => {
      const network = await make('weft')
      await run(network, 'a', { joinedEgress: 'weft' })
      const port = { protocol: 'tcp', hostPort: 8080, port: 80, on: 'own' } as const
      await publish(at.deps, { req: newRequest(), container: 'a', ...port }, 'local', async () => [])
      const guard = await lead(at.deps)
      await at.deps.cluster.newest()
      expect(await keepShims(at.deps, guard)).toMatchObject({ made: 0 })
      await update('front', { options: { egress: 'docker' } })
      expect(await keepShims(at.deps, guard)).toMatchObject({ made: 1 })
    })

    it('lets no router take the gateway’s address while a host answers there for somebody', async () => {
      const network = await make('weft')
      await run(network, 'a', { joinedEgress: 'weft' })
      await update('front', { options: { egress: 'docker' } })
      await createRouter(at.deps, { req: newRequest(), name: 'r1', preferred: undefined }, 'local')
      const wish = { req: newRequest(), router: 'r1', network: 'front', address: undefined }
      const { legs } = await connectRouter(at.deps, wish, 'local')
      expect(legs[0]?.addresses).not.toContain('10.9.0.1')
    })
  })
}
