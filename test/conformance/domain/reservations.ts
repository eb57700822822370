/** Addresses that belong to a container's name: made, given to that name alone on any host, given up. */
import { describe, expect, it } from 'vitest'
import {
  addressPlan,
  bindEndpoint,
  compileHost,
  type DomainDeps,
  releaseReservation,
  removeHost,
  removeNetwork,
  reportEndpoints,
  reserveAddresses,
} from '../../../controller/src/domain/index.ts'
import { keys } from '../../../controller/src/domain/pure/keys.ts'
import { AuditRecord } from '../../../controller/src/domain/pure/records.ts'
import {
  claim,
  type DomainStage,
  endAlive,
  endQuarantine,
  failure,
  newRequest,
  on,
  release,
  type TestHost,
} from './world.ts'

interface Wish {
  readonly addresses?: string[]
  readonly mac?: string
  readonly req?: string
}

export function reservationsConformance(at: DomainStage): void {
  const reserve = (network: string, name: string, { addresses = [], req = newRequest(), mac }: Wish = {}) =>
    reserveAddresses(at.deps, network, { req, name, addresses, ...(mac === undefined ? {} : { mac }) }, 'local')
  const giveUp = (network: string, what: string) => releaseReservation(at.deps, network, what, newRequest(), 'local')
  const state = async (host: TestHost, uid: string, what: 'attached' | 'detached', name: string, deps = at.deps) => {
    await deps.cluster.newest()
    const told = { uid, state: what, name, aliases: [], containerId: `c-${name}-${host.host}` }
    await reportEndpoints(deps, host.host, { ...host.fence, complete: false, endpoints: [told] })
  }
  const recordOf = async (uid: string) => (await at.deps.cluster.newest()).endpoints.get(uid)?.value
  const plan = async (network: string) => addressPlan(await at.deps.cluster.newest(), network)
  const audits = async ({ kv }: DomainDeps) =>
    (await kv.list(keys.audit(''))).entries
      .map(({ value }) => AuditRecord.parse(JSON.parse(value)))
      .filter(({ action }) => action.startsWith('ip.'))

  describe('reserve', () => {
    it('keeps the asked-for address from everybody else, choice and wish alike', async () => {
      const network = await at.create('front', on('10.1.0.0/29'))
      expect(await reserve('front', 'web', { addresses: ['10.1.0.3'] })).toMatchObject({
        network: { uid: network.uid, name: 'front' },
        name: 'web',
        addresses: ['10.1.0.3'],
      })
      const given = []
      for (let n = 0; n < 4; n++) given.push(...(await claim(at.deps, at.one, network)).addresses)
      expect(given).toEqual(['10.1.0.2', '10.1.0.4', '10.1.0.5', '10.1.0.6'])
      const full = await failure(claim(at.deps, at.one, network, { names: ['other'] }))
      expect(full).toMatchObject({ code: 'exhausted', message: expect.stringContaining('10.1.0.3 for web') })
      for (const names of [['other'], ['other', 'third'], undefined]) {
        const wish = { address: '10.1.0.3', ...(names === undefined ? {} : { names }) }
        const refused = await failure(claim(at.deps, at.two, network, wish))
        expect(refused).toMatchObject({
          code: 'conflict',
          message: expect.stringMatching(/web.*weft ip release front/),
        })
      }
    })

    it('chooses the next free address, one of each family, and a MAC', async () => {
      await at.create('dual', { ...on('10.1.0.0/24'), ipv6: true })
      const first = await reserve('dual', 'web')
      expect(first.addresses).toEqual(['10.1.0.2', expect.stringMatching(/::2$/)])
      expect(first.mac).toMatch(/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/)
      const second = await reserve('dual', 'db', { addresses: [first.addresses[1]?.replace(/2$/, '77') ?? ''] })
      expect(second.addresses).toEqual(['10.1.0.3', expect.stringMatching(/::77$/)])
    })

    it('leaves to a container of that name what it has, and names whose another one’s is', async () => {
      const network = await at.create('front', on('10.1.0.0/24'))
      const web = await claim(at.deps, at.one, network, { names: ['web'] })
      await state(at.one, web.uid, 'attached', 'web')
      const db = await claim(at.deps, at.two, network, { names: ['db'] })
      await state(at.two, db.uid, 'attached', 'db')
      const taken = await failure(reserve('front', 'web', { addresses: db.addresses }))
      expect(taken).toMatchObject({ code: 'conflict', message: expect.stringContaining('container db (c-db-docker2') })
      expect(await reserve('front', 'web')).toMatchObject({ addresses: web.addresses, mac: web.mac })
      expect(await recordOf(web.uid)).toMatchObject({ reserved: true })
      const other = await failure(reserve('front', 'db', { addresses: web.addresses }))
      expect(other).toMatchObject({ code: 'conflict', message: expect.stringContaining('container name web') })
    })

    it('is made once and audited once, whatever is repeated; another wish for the name is refused', async () => {
      await at.create('front', on('10.1.0.0/24'))
      const wish = { addresses: ['10.1.0.9'], req: newRequest() }
      const other = await at.world.another()
      const request = { req: wish.req, name: 'web', addresses: wish.addresses }
      const [a, b] = await Promise.all([
        reserve('front', 'web', wish),
        reserveAddresses(other, 'front', request, 'local'),
      ])
      expect(b).toEqual(a)
      expect(await reserve('front', 'web')).toEqual(a)
      expect(await audits(at.deps)).toEqual([
        expect.objectContaining({ action: 'ip.reserve', object: '10.1.0.9 of network front for web' }),
      ])
      expect(await failure(reserve('front', 'web', { addresses: ['10.1.0.10'] }))).toMatchObject({
        code: 'conflict',
        message: expect.stringMatching(/10\.1\.0\.9.*weft ip release front web/),
      })
    })

    it.each([
      ['10.2.0.9', 'invalid', /network front has 10\.1\.0\.0\/24/],
      ['10.1.0.0', 'invalid', /network address/],
      ['10.1.0.1', 'invalid', /gateway/],
      ['10.1.0.50', 'invalid', /auxiliary address "router"/],
    ])('refuses %s', async (address, code, message) => {
      await at.create('front', { ...on('10.1.0.0/24'), auxAddresses: { router: '10.1.0.50' } })
      const error = await failure(reserve('front', 'web', { addresses: [address] }))
      expect(error).toMatchObject({ code, message: expect.stringMatching(message) })
    })

    it('refuses two addresses of one family, an unknown network, and a MAC that is somebody’s', async () => {
      const network = await at.create('front', on('10.1.0.0/24'))
      expect(await failure(reserve('front', 'web', { addresses: ['10.1.0.8', '10.1.0.9'] }))).toMatchObject({
        code: 'invalid',
        message: expect.stringContaining('10.1.0.8 and 10.1.0.9'),
      })
      expect(await failure(reserve('back', 'web'))).toMatchObject({ code: 'not_found' })
      const mac = '02:aa:00:00:00:09'
      await claim(at.deps, at.one, network, { mac })
      expect(await failure(reserve('front', 'web', { mac }))).toMatchObject({ code: 'conflict' })
      await reserve('front', 'db', { mac: '02:aa:00:00:00:0a' })
      const wish = { mac: '02:aa:00:00:00:0a', names: ['other'] }
      expect(await failure(claim(at.deps, at.one, network, wish))).toMatchObject({
        code: 'conflict',
        message: expect.stringContaining('container name db'),
      })
    })

    it('gives one address to one of two names that ask at once', async () => {
      await at.create('front', on('10.1.0.0/24'))
      const other = await at.world.another()
      const addresses = ['10.1.0.9']
      const answers = await Promise.allSettled([
        reserve('front', 'web', { addresses }),
        reserveAddresses(other, 'front', { req: newRequest(), name: 'db', addresses }, 'local'),
      ])
      expect(answers.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    })
  })

  describe('claim by name', () => {
    it('gives all of the reservation at once, and again after a removal, on any host', async () => {
      const network = await at.create('dual', { ...on('10.1.0.0/24'), ipv6: true })
      const { addresses, mac } = await reserve('dual', 'web', { addresses: ['10.1.0.50'], mac: '02:aa:00:00:00:50' })
      for (const host of [at.one, at.two, at.one]) {
        const given = await claim(at.deps, host, network, { names: ['web'] })
        expect(given).toMatchObject({ host: host.host, addresses, mac, reserved: true })
        await release(at.deps, host, given.uid)
      }
      expect((await plan('dual')).filter(({ state: each }) => each === 'quarantine')).toEqual([])
    })

    it('asks a stopped container’s host for it, and has it when that has let go', async () => {
      const network = await at.create('front', on('10.1.0.0/24'))
      await reserve('front', 'web', { addresses: ['10.1.0.50'] })
      const here = await claim(at.deps, at.one, network, { names: ['web'] })
      await state(at.one, here.uid, 'detached', 'web')
      const moving = claim(at.deps, at.two, network, { names: ['web'] })
      while ((await recordOf(here.uid))?.yields !== true) await at.deps.pause(1)
      const told = compileHost(at.deps.cluster.current(), 'docker1').get(`endpoint/${here.uid}`)
      expect(told).toMatchObject({ yields: true, stopped: true })
      await release(at.deps, at.one, here.uid)
      expect(await moving).toMatchObject({ host: 'docker2', addresses: ['10.1.0.50'], mac: here.mac })
    })

    it('never has two holders: one that runs, or whose host is silent, keeps it', async () => {
      const network = await at.create('front', on('10.1.0.0/24'))
      await reserve('front', 'web', { addresses: ['10.1.0.50'] })
      const here = await claim(at.deps, at.one, network, { names: ['web'] })
      await state(at.one, here.uid, 'attached', 'web')
      const running = await failure(claim(at.deps, at.two, network, { names: ['web'] }))
      expect(running).toMatchObject({
        code: 'conflict',
        message: expect.stringMatching(/web.*10\.1\.0\.50.*container web \(c-web-docker\) on docker1/),
      })
      await state(at.one, here.uid, 'detached', 'web')
      const silent = await failure(claim(at.deps, at.two, network, { names: ['web'] }))
      expect(silent).toMatchObject({ code: 'conflict', message: expect.stringContaining('docker1') })
      expect(await recordOf(here.uid)).toMatchObject({ host: 'docker1', yields: true })
      await state(at.one, here.uid, 'attached', 'web')
      expect((await recordOf(here.uid))?.yields).toBeUndefined()
    })

    it('is taken from a dead host by its removal, and not before', async () => {
      const network = await at.create('front', on('10.1.0.0/24'))
      await reserve('front', 'web', { addresses: ['10.1.0.50'] })
      const { uid } = await claim(at.deps, at.one, network, { names: ['web'] })
      await state(at.one, uid, 'attached', 'web')
      await endAlive(at.deps, 'docker1')
      const refused = await failure(claim(at.deps, at.two, network, { names: ['web'] }))
      expect(refused.message).toContain('docker1 is silent; when that machine is off for sure: weft host rm --force')
      await removeHost(at.deps, 'docker1', { req: newRequest(), force: true }, 'local')
      expect(await claim(at.deps, at.two, network, { names: ['web'] })).toMatchObject({ addresses: ['10.1.0.50'] })
    })

    it('gives it to one of two hosts that ask at once', async () => {
      const network = await at.create('front', on('10.1.0.0/24'))
      await reserve('front', 'web')
      const other = await at.world.another()
      const answers = await Promise.allSettled([
        claim(at.deps, at.one, network, { names: ['web'] }),
        claim(other, at.two, network, { names: ['web'] }),
      ])
      expect(answers.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    })

    it('answers a repeated request with the same endpoint, and one whose answer was lost', async () => {
      const network = await at.create('front', on('10.1.0.0/24'))
      await reserve('front', 'web')
      const req = newRequest()
      const first = await claim(at.deps, at.one, network, { names: ['web'], req })
      expect(await claim(await at.world.another(), at.one, network, { names: ['web'], req })).toEqual(first)
      expect((await claim(at.deps, at.one, network, { names: ['web'] })).uid).toBe(first.uid)
    })

    it('refuses to guess where a reservation is concerned, and only there; --ip says which is meant', async () => {
      const network = await at.create('front', on('10.1.0.0/24'))
      await reserve('front', 'web', { addresses: ['10.1.0.50'] })
      const error = await failure(claim(at.deps, at.one, network, { names: ['db', 'web'] }))
      expect(error).toMatchObject({
        code: 'conflict',
        message: expect.stringMatching(/db, web.*10\.1\.0\.50 belongs to web.*--ip 10\.1\.0\.50/),
      })
      expect((await claim(at.deps, at.one, network, { names: ['db', 'cache'] })).addresses).toEqual(['10.1.0.2'])
      const meant = await claim(at.deps, at.one, network, { names: ['db', 'web'], address: '10.1.0.50' })
      expect(meant).toMatchObject({ addresses: ['10.1.0.50'], reserved: true })
    })

    it('gives no dynamic address to a name whose reservation this controller has not heard of yet', async () => {
      const network = await at.create('front', on('10.1.0.0/24'))
      const other = await at.world.another()
      await other.cluster.newest()
      const made = reserve('front', 'web', { addresses: ['10.1.0.50'] })
      const [, given] = await Promise.all([made, made.then(() => claim(other, at.one, network, { names: ['web'] }))])
      expect(given.addresses).toEqual(['10.1.0.50'])
    })

    it('has a container with another address, or one that was renamed, give it back once it is stopped', async () => {
      const network = await at.create('front', on('10.1.0.0/24'))
      const web = await claim(at.deps, at.one, network, { names: ['web'] })
      await state(at.one, web.uid, 'attached', 'web')
      await reserve('front', 'web', { addresses: ['10.1.0.50'] })
      expect(await recordOf(web.uid)).toMatchObject({ yields: true, state: 'attached' })
      await giveUp('front', 'web')
      expect((await recordOf(web.uid))?.yields).toBeUndefined()
      await endQuarantine(at.deps, at.world)
      await reserve('front', 'web', { addresses: ['10.1.0.50'] })
      await state(at.one, web.uid, 'detached', 'web')
      expect(await recordOf(web.uid)).toMatchObject({ yields: true, state: 'detached' })
      await release(at.deps, at.one, web.uid)
      const again = await claim(at.deps, at.one, network, { names: ['web'] })
      expect(again.addresses).toEqual(['10.1.0.50'])
      await state(at.one, again.uid, 'attached', 'web2')
      await state(at.one, again.uid, 'detached', 'web2')
      expect(await recordOf(again.uid)).toMatchObject({ yields: true })
    })

    it('keeps the MAC for the name when its container had another one', async () => {
      const network = await at.create('front', on('10.1.0.0/24'))
      const { mac } = await reserve('front', 'web')
      const { uid } = await claim(at.deps, at.one, network, { names: ['web'] })
      const bind = { ...at.one.fence, endpoint: uid, merge: [], dockerEndpointId: 'd1' }
      const own = { ...bind, req: newRequest(), mac: '02:aa:00:00:00:02' }
      expect((await bindEndpoint(at.deps, 'docker1', own)).endpoint.mac).toBe('02:aa:00:00:00:02')
      expect(await failure(claim(at.deps, at.two, network, { mac, names: ['db'] }))).toMatchObject({ code: 'conflict' })
      expect((await bindEndpoint(at.deps, 'docker1', { ...bind, req: newRequest(), mac })).endpoint.mac).toBe(mac)
      await release(at.deps, at.one, uid)
      expect((await claim(at.deps, at.two, network, { names: ['web'] })).mac).toBe(mac)
    })
  })

  describe('release', () => {
    it('lets the addresses rest and then has them again; by name or by address', async () => {
      const network = await at.create('tiny', on('10.1.0.0/30'))
      await reserve('tiny', 'web')
      await giveUp('tiny', 'web')
      expect(await failure(claim(at.deps, at.one, network))).toMatchObject({ code: 'exhausted' })
      await endQuarantine(at.deps, at.world)
      expect((await reserve('tiny', 'db')).addresses).toEqual(['10.1.0.2'])
      expect((await giveUp('tiny', '10.1.0.2')).reply).toMatchObject({ name: 'db' })
      await endQuarantine(at.deps, at.world)
      expect((await claim(at.deps, at.one, network)).addresses).toEqual(['10.1.0.2'])
      expect((await audits(at.deps)).map(({ action }) => action).sort()).toEqual([
        ...['ip.release', 'ip.release', 'ip.reserve', 'ip.reserve'],
      ])
    })

    it('leaves a running container its address, without the reservation', async () => {
      const network = await at.create('front', on('10.1.0.0/24'))
      await reserve('front', 'web')
      const { uid } = await claim(at.deps, at.one, network, { names: ['web'] })
      await giveUp('front', 'web')
      const record = await recordOf(uid)
      expect(record?.addresses[0]?.ip).toBe('10.1.0.2')
      expect(record?.reserved).toBeUndefined()
      await release(at.deps, at.one, uid)
      expect((await plan('front')).map(({ state: each }) => each)).toContain('quarantine')
    })

    it('names what is reserved, and who has an address without a reservation', async () => {
      const network = await at.create('front', on('10.1.0.0/24'))
      await reserve('front', 'web', { addresses: ['10.1.0.9'] })
      const { uid, addresses } = await claim(at.deps, at.one, network)
      expect(await failure(giveUp('front', 'wev'))).toMatchObject({
        code: 'not_found',
        message: expect.stringContaining('web (10.1.0.9)'),
      })
      expect((await failure(giveUp('front', addresses[0] ?? ''))).message).toContain(`endpoint ${uid} on docker1`)
    })

    it('goes with the network, which says so and leaves no key', async () => {
      const before = (await at.deps.kv.list('/weft/v1/')).entries.map(({ key }) => key)
      await at.create('front', { ...on('10.1.0.0/24'), ipv6: true })
      const { addresses } = await reserve('front', 'web')
      await reserve('front', 'db', { addresses: ['10.1.0.9'] })
      const removed = await removeNetwork(at.deps, 'front', { req: newRequest() }, 'local')
      expect(removed.reservations).toEqual([
        { name: 'db', addresses: ['10.1.0.9', expect.stringMatching(/::3$/)] },
        { name: 'web', addresses },
      ])
      const after = (await at.deps.kv.list('/weft/v1/')).entries.map(({ key }) => key)
      expect(after.filter((key) => key !== keys.subnetsGeneration && !key.startsWith(keys.audit('')))).toEqual(before)
      expect((await at.deps.cluster.newest()).reservations.size).toBe(0)
    })
  })

  it('shows the plan of a network: everybody, and what is nobody’s', async () => {
    const network = await at.create('front', { ...on('10.1.0.0/29'), auxAddresses: { router: '10.1.0.6' } })
    await reserve('front', 'db', { addresses: ['10.1.0.4'] })
    await reserve('front', 'web', { addresses: ['10.1.0.3'] })
    const web = await claim(at.deps, at.two, network, { names: ['web'] })
    await state(at.two, web.uid, 'attached', 'web')
    const gone = await claim(at.deps, at.one, network)
    await release(at.deps, at.one, gone.uid)
    const rows = (await plan('front')).map(({ address, state: each, holder, host, reservedFor }) =>
      [address, each, holder, host, reservedFor].filter((cell) => cell !== undefined).join(' '),
    )
    expect(rows).toEqual([
      '10.1.0.0 network',
      '10.1.0.1 gateway',
      expect.stringMatching(/^10\.1\.0\.2 quarantine endpoint .* on docker1$/),
      '10.1.0.3 attached web docker2 web',
      '10.1.0.4 reserved db db',
      '10.1.0.6 auxiliary router',
      '10.1.0.7 broadcast',
    ])
    expect((await plan('front')).find(({ address }) => address === '10.1.0.3')?.since).toBe('2026-01-01T00:00:00.000Z')
  })
}
