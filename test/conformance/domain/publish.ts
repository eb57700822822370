/** Published ports: whose a port is, which hosts hear of it, and what they need for it. */
import type { PublicationRequest, PublicationView } from '@weft/shared'
import { describe, expect, it } from 'vitest'
import {
  compileHost,
  keepShims,
  publicationViews,
  publish,
  removeNetwork,
  unpublish,
} from '../../../controller/src/domain/index.ts'
import { claim, type DomainStage, failure, lead, newRequest, on, report } from './world.ts'

export function publishConformance(at: DomainStage): void {
  const front = () => at.create('front', { ...on('10.1.0.0/24'), options: { egress: 'weft' } })
  const request = (changes: Partial<PublicationRequest> = {}): PublicationRequest => ({
    req: newRequest(),
    container: 'web',
    protocol: 'tcp',
    hostPort: 8080,
    port: 80,
    on: 'own',
    ...changes,
  })
  const make = (changes: Partial<PublicationRequest> = {}): Promise<PublicationView> =>
    publish(at.deps, request(changes), 'local', async () => [])
  /** A container web on docker1, in a network of that name. */
  async function web(network: Awaited<ReturnType<typeof front>>) {
    const { uid } = await claim(at.deps, at.one, network)
    await report(at.deps, at.one, [{ uid, name: 'web', containerId: 'c1' }])
    await at.deps.cluster.newest()
  }
  const entriesOf = (host: string) =>
    [...compileHost(at.deps.cluster.current(), host).values()].filter(({ kind }) => kind === 'publication')

  describe('publish', () => {
    it('tells the hosts that are to open the port, and no other', async () => {
      await web(await front())
      const { uid } = await make()
      await make({ hostPort: 8081, on: ['docker2'] })
      await at.deps.cluster.newest()
      expect(entriesOf('docker1')).toMatchObject([{ uid, container: 'web', hostPort: 8080, port: 80 }])
      expect(entriesOf('docker2')).toMatchObject([{ hostPort: 8081, relayed: true }])
      expect(publicationViews(at.deps.cluster.current())[0]).toMatchObject({ target: { host: 'docker1' }, on: 'own' })
      await unpublish(at.deps, uid.slice(0, 8), newRequest(), 'local')
      await at.deps.cluster.newest()
      expect(entriesOf('docker1')).toEqual([])
    })

    it('gives a host that relays an address of its own, and takes it back', async () => {
      const network = await front()
      await web(network)
      await make()
      const { uid } = await make({ hostPort: 8081, on: 'all' })
      const guard = await lead(at.deps)
      await at.deps.cluster.newest()
      expect(await keepShims(at.deps, guard)).toMatchObject({ made: 2, ended: 0 })
      await unpublish(at.deps, uid, newRequest(), 'local')
      await at.deps.cluster.newest()
      expect(await keepShims(at.deps, guard)).toMatchObject({ made: 0, ended: 2 })
    })

    it('gives a port to one only, of racing wishes too, and names who has it', async () => {
      await web(await front())
      const race = await Promise.allSettled([make(), make({ on: 'all', port: 81 })])
      expect(race.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
      expect(await failure(make({ hostIp: '192.168.77.1' }))).toMatchObject({
        code: 'conflict',
        message: expect.stringContaining('container web of network front has it'),
      })
      for (const free of [{ protocol: 'udp' }, { hostPort: 8082 }] as const) await make(free)
    })

    it('answers a repeated request as the first, and another under its id not at all', async () => {
      await web(await front())
      const wish = request()
      const first = await publish(at.deps, wish, 'local', async () => [])
      expect(await publish(at.deps, wish, 'local', async () => [])).toEqual(first)
      expect(await failure(publish(at.deps, { ...wish, port: 81 }, 'local', async () => []))).toMatchObject({
        code: 'conflict',
      })
    })

    it('changes nothing when a host says that the port is taken there', async () => {
      await web(await front())
      const taken = async () => {
        throw new Error('taken')
      }
      await expect(publish(at.deps, request(), 'local', taken)).rejects.toThrow('taken')
      expect(publicationViews(await at.deps.cluster.newest())).toEqual([])
    })

    it('refuses what can never lead anywhere', async () => {
      const network = await front()
      await at.create('shut', { ...on('10.2.0.0/24'), internal: true })
      await at.create('alone', { ...on('10.3.0.0/24'), driver: 'bridge', options: { egress: 'weft' } })
      const words = async (changes: Partial<PublicationRequest>) => (await failure(make(changes))).message
      expect(await words({})).toContain('no such endpoint: web')
      expect(await words({ network: 'shut' })).toContain('internal')
      expect(await words({ network: 'alone', on: 'all' })).toContain('does not join the hosts')
      expect(await words({ network: 'front', hostIp: '192.0.2.9' })).toContain('192.0.2.9')
      expect(await words({ network: 'front', hostIp: 'fd00::9' })).toContain('fd00::9')
      expect(await words({ network: 'front', on: ['docker9'] })).toContain('docker9')
      await web(network)
      const other = await at.create('other', { ...on('10.4.0.0/24'), options: { egress: 'weft' } })
      await web(other)
      expect(await words({})).toContain('front, other')
      await make({ network: 'other' })
    })

    it('keeps a network that ports are published of, and says which', async () => {
      await front()
      await make({ network: 'front', container: 'later' })
      expect(await failure(removeNetwork(at.deps, 'front', { req: newRequest() }, 'local'))).toMatchObject({
        code: 'conflict',
        message: expect.stringContaining('weft unpublish later'),
      })
    })
  })
}
