/** Docker's plugin protocol over a real unix socket, with a fake kernel and a throwaway controller (DOCKER.md 1, 8). */
import fs from 'node:fs'
import { interfaceName, type NetworkSpec } from '@weft/shared'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { StateStore } from '../../agent/src/state/store.ts'
import { NET, network, SUB4, SUB6, uidOf } from '../support/builders.ts'
import { type Plugin, post, QUIET, startPlugin } from '../support/plugin.ts'

const POOL4 = `${NET}/${SUB4}`
const POOL6 = `${NET}/${SUB6}`
const DOCKER_NET = 'd'.repeat(64)
const EP = 'e'.repeat(64)
const TWIN: NetworkSpec = network({
  uid: uidOf('m'),
  name: 'twin',
  vni: 4097,
  subnets: [{ uid: uidOf('5'), cidr: '10.1.0.0/24', auxAddresses: {} }],
})
const SHARED_MAC: NetworkSpec = network({
  ...{ uid: uidOf('k'), name: 'wire', driver: 'ipvlan', options: { parent: 'eth0' }, egress: 'gateway' },
  subnets: [{ uid: uidOf('7'), cidr: '10.1.0.0/24', gateway: '10.1.0.1', auxAddresses: {} }],
})

describe('plugin', () => {
  let plugin: Plugin
  beforeEach(async () => {
    plugin = await startPlugin([network(), TWIN, SHARED_MAC], 400)
    await plugin.call('NetworkDriver.CreateNetwork', {
      NetworkID: DOCKER_NET,
      Options: { 'com.docker.network.generic': { net: NET } },
      IPv4Data: [],
    })
    await plugin.loop.run('start')
  })
  afterEach(async () => await plugin.close())

  const ask = async (name: string, body?: unknown) => (await plugin.call(name, body)).answer
  const request = (PoolID: string, Address = '', Options: object | null = null) =>
    ask('IpamDriver.RequestAddress', { PoolID, Address, Options })
  const create = (Interface: object, EndpointID = EP) =>
    ask('NetworkDriver.CreateEndpoint', { NetworkID: DOCKER_NET, EndpointID, Interface, Options: {} })
  const endpointCall = (verb: string, EndpointID = EP, more = {}) =>
    ask(`NetworkDriver.${verb}`, { NetworkID: DOCKER_NET, EndpointID, ...more })
  const links = () => plugin.kernel.snapshot().links.map(({ name }) => name)
  const records = () => [...plugin.store.current.endpoints.values()]

  describe('the socket', () => {
    it('is for root alone', () => {
      expect(fs.statSync(plugin.socket).mode & 0o777).toBe(0o600)
    })

    it('speaks the capabilities that Docker needs', async () => {
      expect(await ask('NetworkDriver.GetCapabilities')).toEqual({ Scope: 'local', ConnectivityScope: 'global' })
      expect(await ask('IpamDriver.GetCapabilities')).toEqual({
        RequiresMACAddress: false,
        RequiresRequestReplay: false,
      })
    })

    it.each([
      'NetworkDriver.CreateNetwork',
      'NetworkDriver.CreateEndpoint',
      'NetworkDriver.Join',
      'NetworkDriver.Leave',
      'NetworkDriver.DeleteEndpoint',
      'NetworkDriver.DeleteNetwork',
    ])('%s without a body is an Err, not a success', async (name) => {
      expect(await ask(name)).toEqual({ Err: expect.stringContaining('empty request') })
    })

    it.each(['IpamDriver.RequestPool', 'IpamDriver.RequestAddress', 'IpamDriver.ReleaseAddress'])(
      '%s without a body is an Error',
      async (name) => {
        expect(await ask(name)).toEqual({ Error: expect.stringContaining('empty request') })
      },
    )

    it('refuses garbage and what is too long', async () => {
      expect((await post(plugin.socket, 'NetworkDriver.Join', '{"NetworkID":')).answer).toEqual({
        Err: expect.stringContaining('not JSON'),
      })
      const long = await post(
        plugin.socket,
        'IpamDriver.RequestPool',
        JSON.stringify({ Pool: 'x'.repeat(2_000_000) }),
      ).catch((error: NodeJS.ErrnoException) => error)
      const said = 'answer' in long ? JSON.stringify(long.answer) : long.code
      expect(said).toMatch(/too long|EPIPE|ECONNRESET/)
      expect(await ask('NetworkDriver.GetCapabilities')).toHaveProperty('Scope')
    })

    it('ends a call that hangs, and unknown ones at once', async () => {
      expect(await ask('Test.Hang')).toEqual({ Err: expect.stringContaining('took too long') })
      expect(await plugin.call('NetworkDriver.Dance', {})).toMatchObject({
        status: 404,
        answer: { Err: expect.stringContaining('Dance') },
      })
      expect(await plugin.call('__proto__', {})).toMatchObject({ status: 404 })
    })
  })

  describe('pools', () => {
    const pool = (Pool: string, net: unknown = NET, V6 = false) =>
      ask('IpamDriver.RequestPool', { AddressSpace: 'x', Pool, SubPool: '', Options: { net }, V6 })

    it('are named by network and subnet, so that two networks may have one CIDR', async () => {
      expect(await pool('10.1.0.0/24')).toEqual({ PoolID: POOL4, Pool: '10.1.0.0/24', Data: {} })
      expect(await pool('fd01::/64', NET, true)).toMatchObject({ PoolID: POOL6 })
      expect(await pool('10.1.0.0/24', TWIN.uid)).toMatchObject({ PoolID: `${TWIN.uid}/${uidOf('5')}` })
    })

    it.each([
      ['by hand', null, '10.1.0.0/24'],
      ['of an unknown id', uidOf('z'), '10.1.0.0/24'],
      ['of a prototype key', '__proto__', '10.1.0.0/24'],
    ])('a network %s is refused, with the command that makes one', async (_, net, cidr) => {
      expect(await pool(cidr, net)).toEqual({ Error: expect.stringContaining('weft network create') })
    })

    it.each(['10.9.0.0/24', '010.1.0.0/24', '10.1/24', 'x'])('pool %s is refused', async (cidr) => {
      expect(await pool(cidr)).toEqual({ Error: expect.any(String) })
    })

    it('the gateway is that of the intent', async () => {
      const options = { RequestAddressType: 'com.docker.network.gateway' }
      expect(await request(POOL4, '', options)).toEqual({ Address: '10.1.0.1/24', Data: {} })
      expect(await request(POOL4, '10.1.0.1', options)).toEqual({ Address: '10.1.0.1/24', Data: {} })
      expect(await request(POOL4, '10.1.0.2', options)).toHaveProperty('Error')
      expect(plugin.controller.asked).toEqual([])
    })

    it('an auxiliary address is one only while the network is being made', async () => {
      plugin.creating.add(NET)
      expect(await request(POOL4, '10.1.0.9')).toMatchObject({ Address: '10.1.0.9/24' })
      expect(plugin.controller.asked).toEqual([])
      plugin.creating.delete(NET)
      await request(POOL4, '10.1.0.9')
      expect(plugin.controller.asked).toMatchObject([{ verb: 'claim', request: { address: '10.1.0.9' } }])
    })

    it.each(['10.99.0.1', '10.1.0.999', '--help', '010.1.0.5'])(
      'an address like %s is refused before anyone is asked',
      async (address) => {
        expect(await request(POOL4, address)).toEqual({ Error: expect.stringContaining(address.split('.')[0] ?? '') })
        expect(plugin.controller.asked).toEqual([])
      },
    )

    it("a controller's refusal reaches Docker in its own words; its absence is told in time", async () => {
      await request(POOL4, '10.1.0.77')
      plugin.store.change((state) => ({ ...state, endpoints: new Map() }))
      expect(await request(POOL4, '10.1.0.77')).toEqual({ Error: expect.stringContaining('web on docker2 has it') })
      plugin.controller.down = true
      expect(await request(POOL4)).toEqual({ Error: expect.stringContaining('start one') })
    })
  })

  describe('an endpoint', () => {
    it('is wired when CreateEndpoint answers, and gone after the pass that DeleteEndpoint asks for', async () => {
      const { Address } = await request(POOL4)
      expect(await create({ Address, AddressIPv6: '', MacAddress: '' })).toEqual({
        Interface: { MacAddress: '02:00:00:00:00:01' },
      })
      const [record] = records()
      const [container, port] = [
        interfaceName('container', record?.uid ?? ''),
        interfaceName('port', record?.uid ?? ''),
      ]
      expect(links()).toEqual(expect.arrayContaining([container, port]))
      expect(await endpointCall('Join', EP, { SandboxKey: '/run/docker/netns/x', Options: {} })).toMatchObject({
        InterfaceName: { SrcName: container, DstPrefix: 'eth' },
      })
      expect(await endpointCall('Leave')).toEqual({})
      expect(links()).toContain(container)
      expect(await endpointCall('DeleteEndpoint')).toEqual({})
      await plugin.loop.run('deleted')
      expect(links()).not.toContain(container)
      expect(links()).not.toContain(port)
      expect(await endpointCall('DeleteEndpoint')).toEqual({})
    })

    it('is in a file before Docker hears of it', async () => {
      const { Address } = await request(POOL4)
      const next = () => StateStore.open({ file: `${plugin.folder}/state`, log: QUIET, newInstance: () => 'other' })
      expect([...next().current.endpoints.values()]).toMatchObject([{ addresses: [Address], phase: 'claimed' }])
      await create({ Address, AddressIPv6: '', MacAddress: '' })
      expect([...next().current.endpoints.values()]).toMatchObject([{ dockerEndpointId: EP, phase: 'new' }])
    })

    it('of two families and with a MAC of its own is bound to one', async () => {
      const four = await request(POOL4)
      const six = await request(POOL6)
      const answer = await create({ Address: four.Address, AddressIPv6: six.Address, MacAddress: '02:42:AC:11:00:99' })
      expect(answer).toEqual({ Interface: {} })
      expect(records()).toMatchObject([
        { mac: '02:42:ac:11:00:99', addresses: [four.Address, six.Address], phase: 'new' },
      ])
      expect(plugin.controller.asked.map(({ verb }) => verb)).toEqual(['claim', 'claim', 'bind'])
    })

    it('with its parent’s MAC is told none, and may have none of its own', async () => {
      const NetworkID = 'f'.repeat(64)
      const Options = { 'com.docker.network.generic': { net: SHARED_MAC.uid } }
      await plugin.call('NetworkDriver.CreateNetwork', { NetworkID, Options, IPv4Data: [] })
      const { Address } = await request(`${SHARED_MAC.uid}/${uidOf('7')}`)
      const wish = (MacAddress: string) =>
        ask('NetworkDriver.CreateEndpoint', {
          ...{ NetworkID, EndpointID: EP, Interface: { Address, AddressIPv6: '', MacAddress }, Options: {} },
        })
      expect(await wish('02:42:ac:11:00:99')).toEqual({ Err: expect.stringMatching(/02:42:ac:11:00:99.*leave --mac/) })
      expect(await wish('')).toEqual({ Interface: {} })
      const name = interfaceName('container', records()[0]?.uid ?? '')
      const { links: all } = plugin.kernel.snapshot()
      const parent = all.find((link) => link.name === 'eth0')
      expect(all.find((link) => link.name === name)).toMatchObject({ kind: 'ipvlan', mac: parent?.mac })
    })

    it('repeated calls change nothing', async () => {
      const { Address } = await request(POOL4)
      const wish = { Address, AddressIPv6: '', MacAddress: '' }
      const [first, second] = await Promise.all([create(wish), create(wish)])
      expect(second).toEqual(first)
      const before = plugin.kernel.toText()
      await create(wish)
      expect(plugin.kernel.toText()).toBe(before)
      expect(records()).toHaveLength(1)
      expect((await plugin.loop.run('after them')).ops).toBe(0)
    })

    it.each(['01:00:5e:00:00:01', 'zz', '02:00'])('MAC %s is refused', async (MacAddress) => {
      const { Address } = await request(POOL4)
      expect(await create({ Address, AddressIPv6: '', MacAddress })).toEqual({ Err: expect.stringContaining('MAC') })
    })

    it('with an address that nobody gave is refused, and so is one that another endpoint has', async () => {
      expect(await create({ Address: '10.1.0.200/24', AddressIPv6: '', MacAddress: '' })).toHaveProperty('Err')
      const { Address } = await request(POOL4)
      await create({ Address, AddressIPv6: '', MacAddress: '' })
      expect(await create({ Address, AddressIPv6: '', MacAddress: '' }, 'f'.repeat(64))).toEqual({
        Err: expect.stringContaining('in use'),
      })
    })

    it('that the kernel refuses is an Err, and leaves nothing wired', async () => {
      const { Address } = await request(POOL4)
      const name = interfaceName('container', records()[0]?.uid ?? '')
      plugin.kernel.addForeign({ kind: 'other', netns: '', name, mtu: 1500, up: true })
      expect(await create({ Address, AddressIPv6: '', MacAddress: '' })).toEqual({
        Err: expect.stringContaining('wired'),
      })
      expect(records()).toMatchObject([{ phase: 'claimed' }])
      expect(await ask('IpamDriver.ReleaseAddress', { PoolID: POOL4, Address: '10.1.0.10' })).toEqual({})
      expect(plugin.store.current.releases).toMatchObject([{ endpoints: [expect.any(String)] }])
    })

    it('that nothing came of gives its address back; a stopped container keeps its own', async () => {
      const { Address } = await request(POOL4)
      await create({ Address, AddressIPv6: '', MacAddress: '' })
      await endpointCall('Leave')
      await endpointCall('DeleteEndpoint')
      await ask('IpamDriver.ReleaseAddress', { PoolID: POOL4, Address: String(Address).split('/')[0] })
      expect(records()).toMatchObject([{ phase: 'detached', addresses: [Address] }])
      expect(plugin.store.current.releases).toEqual([])
    })

    it('Join of an unknown endpoint is an Err; Leave and DeleteEndpoint of one succeed', async () => {
      expect(await endpointCall('Join', EP, { SandboxKey: '/x' })).toHaveProperty('Err')
      expect(await endpointCall('Leave')).toEqual({})
      expect(await endpointCall('DeleteEndpoint')).toEqual({})
    })

    it('forty at once: forty addresses, all wired, and then all gone', async () => {
      const ids = Array.from({ length: 40 }, (_, index) => index.toString(16).padStart(64, '0'))
      await Promise.all(
        ids.map(async (id) => {
          const { Address } = await request(POOL4)
          expect(await create({ Address, AddressIPv6: '', MacAddress: '' }, id)).toHaveProperty('Interface')
        }),
      )
      expect(links().filter((name) => name.startsWith('wfp'))).toHaveLength(40)
      expect(new Set(records().flatMap(({ addresses }) => addresses)).size).toBe(40)
      await Promise.all(ids.map((id) => endpointCall('DeleteEndpoint', id)))
      await plugin.loop.run('deleted')
      expect(links().filter((name) => name.startsWith('wfp'))).toHaveLength(0)
    })
  })

  describe('who asks', () => {
    const RESERVED = ['10.1.0.50', 'fd01::50']
    const asked = () => plugin.controller.asked.map(({ request }) => (request as { names?: string[] }).names)
    const networks = { [network().name]: { IPAMConfig: null, NetworkID: '' } }
    /** Files as Docker writes them, on a storage driver that does not show what is mounted. */
    const docker = (containers: Readonly<Record<string, { up?: boolean; Networks?: object; SandboxKey?: string }>>) => {
      const root = `${plugin.folder}/docker`
      for (const [Name, { up = false, Networks = networks, SandboxKey = '' }] of Object.entries(containers)) {
        const ID = Buffer.from(Name).toString('hex').padEnd(64, '0')
        const folder = `${root}/containers/${ID}`
        fs.mkdirSync(folder, { recursive: true })
        const file = { ID, Name: `/${Name}`, State: { Running: up }, NetworkSettings: { SandboxKey, Networks } }
        fs.writeFileSync(`${folder}/config.v2.json`, JSON.stringify(file))
      }
      plugin.store.change((state) => ({ ...state, docker: { root, driver: 'vfs' } }))
    }
    beforeEach(() => void plugin.controller.reserved.set('web', RESERVED))

    it('is told to the controller; a reservation is given whole, its second family without asking again', async () => {
      docker({ web: {}, other: { Networks: { elsewhere: {} } } })
      expect(await request(POOL4)).toMatchObject({ Address: '10.1.0.50/24' })
      expect(await request(POOL6)).toMatchObject({ Address: 'fd01::50/64' })
      expect(asked()).toEqual([['web']])
      await create({ Address: '10.1.0.50/24', AddressIPv6: 'fd01::50/64', MacAddress: '' })
      expect(records()).toMatchObject([{ name: 'web', reserved: true, phase: 'new' }])
      expect(plugin.controller.asked.map(({ verb }) => verb)).toEqual(['claim'])
    })

    it('is what an engine says that names endpoints', async () => {
      docker({ web: {}, db: {} })
      const options = { 'com.docker.network.endpoint.name': 'web' }
      expect(await request(POOL4, '', options)).toMatchObject({ Address: '10.1.0.50/24' })
      await request(POOL4, '', { 'com.docker.network.endpoint.name': 'db' })
      expect(asked()).toEqual([['web'], ['db']])
    })

    it('is all who may be meant: the refusal reaches Docker, and they are started again one by one', async () => {
      docker({ web: {}, db: {} })
      expect(await request(POOL4)).toEqual({ Error: expect.stringMatching(/db,web|web,db/) })
      expect(plugin.undecided).toHaveLength(1)
      expect(records()).toEqual([])
      expect(await request(POOL4, '10.1.0.50')).toMatchObject({ Address: '10.1.0.50/24' })
    })

    it('is nobody that has been served already', async () => {
      docker({ web: {} })
      await request(POOL4)
      docker({ db: {} })
      await request(POOL4)
      expect(asked()).toEqual([['web'], ['db']])
    })

    it('shows at Join where a container runs: another’s address is taken back and refused', async () => {
      const sandbox = '/run/docker/netns/db'
      docker({ web: { up: true, Networks: {} }, db: { up: true, Networks: {}, SandboxKey: sandbox } })
      const { Address } = await request(POOL4, '10.1.0.50')
      await create({ Address, AddressIPv6: '', MacAddress: '' })
      const refused = await endpointCall('Join', EP, { SandboxKey: sandbox, Options: {} })
      expect(refused).toEqual({
        Err: expect.stringMatching(/belongs to container name web, and db is being connected/),
      })
      await endpointCall('DeleteEndpoint')
      await ask('IpamDriver.ReleaseAddress', { PoolID: POOL4, Address: '10.1.0.50' })
      expect(records()).toEqual([])
      expect(plugin.store.current.releases).toHaveLength(1)
    })

    it('shows at Join, and the record has its container from then on', async () => {
      const sandbox = '/run/docker/netns/db'
      docker({ runs: { up: true, Networks: {} }, db: { up: true, Networks: {}, SandboxKey: sandbox } })
      plugin.controller.reserved.clear()
      const { Address } = await request(POOL4)
      await create({ Address, AddressIPv6: '', MacAddress: '' })
      expect(await endpointCall('Join', EP, { SandboxKey: sandbox, Options: {} })).toHaveProperty('InterfaceName')
      expect(records()).toMatchObject([{ name: 'db', phase: 'in-flight' }])
    })

    it('is known where Weft itself connects', async () => {
      docker({ web: { up: true, Networks: {} }, db: { up: true, Networks: {} } })
      plugin.connecting.add(`${NET} ${Buffer.from('db').toString('hex').padEnd(64, '0')}`)
      await request(POOL4)
      expect(asked()).toEqual([['db']])
    })
  })

  it('an interface that Docker has only just moved is left to Docker, however long ago it asked for it', async () => {
    const sandbox = '/run/docker/netns/slow'
    plugin.kernel.addSandbox(sandbox)
    const { Address } = await request(POOL4)
    await create({ Address, AddressIPv6: '', MacAddress: '' })
    await endpointCall('Join', EP, { SandboxKey: sandbox, Options: {} })
    for (const record of records()) {
      const { uid, mac } = record
      plugin.kernel.removeByHand({ netns: '', name: interfaceName('container', uid) })
      plugin.kernel.addForeign({ kind: 'veth', netns: sandbox, name: 'eth0', mac, mtu: 1450, up: true })
      const longAgo = { ...record, since: record.since - 60_000 }
      plugin.store.change((state) => ({ ...state, endpoints: new Map([[uid, longAgo]]) }))
    }
    await plugin.loop.run('moved')
    expect(plugin.kernel.snapshot().addresses).toEqual([])
    expect(records()).toMatchObject([{ phase: 'in-flight' }])
  })

  it('a second pass writes nothing; a pass on lost records removes nothing', async () => {
    const { Address } = await request(POOL4)
    await create({ Address, AddressIPv6: '', MacAddress: '' })
    expect((await plugin.loop.run('again')).ops).toBe(0)
    const before = plugin.kernel.toText()
    plugin.store.change((state) => ({ ...state, endpoints: new Map(), endpointsKnown: false }))
    expect((await plugin.loop.run('lost')).ops).toBe(0)
    expect(plugin.kernel.toText()).toBe(before)
  })
})
