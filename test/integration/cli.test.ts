/** The command line as a process against an API made from the same table: what it asks, prints and exits with. */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { type Answer, type ApiServer, type Asked, serveApi } from './cli-api.ts'
import { type Ended, runWeft } from './cli-process.ts'

let server: ApiServer | undefined
afterEach(async () => {
  await server?.close()
  server = undefined
})

/** Runs `weft` against the test's server. */
async function weft(argv: readonly string[], env: NodeJS.ProcessEnv = {}, until?: string): Promise<Ended> {
  const address = server === undefined ? {} : { WEFT_CONTROLLER: server.unixAddress }
  return await runWeft(argv, { ...address, ...env }, until)
}

const uid = (letter: string) => letter.repeat(20)
const network = (name: string, letter: string, revision = 231) => ({
  uid: uid(letter),
  name,
  driver: 'overlay',
  createdAt: '2026-01-02T03:04:05.000Z',
  options: {},
  labels: { team: 'web' },
  internal: false,
  egress: 'docker',
  mtu: 1450,
  vni: 4097,
  subnets: [
    {
      uid: uid('z'),
      cidr: '10.20.0.0/24',
      gateway: '10.20.0.1',
      auxAddresses: {},
      usable: '253',
      used: 0,
      reserved: 3,
    },
  ],
  endpoints: 0,
  revision,
  warnings: [],
})
const position = (revision: number) => ({ incarnation: 1, revision, digest: '0'.repeat(32) })
const host = (id: string, applied: number, problems: object[] = []) => ({
  id,
  alive: true,
  target: position(231),
  accepted: position(231),
  applied,
  reportAgeMs: 100,
  problems,
  converged: applied === 231,
})
const PROBLEM = { code: 'kernel', message: 'kernel refused vxlan 4097: EEXIST' }
const BEHIND = host('docker2', 229, [PROBLEM])
const status = (...hosts: { converged: boolean }[]) => ({
  cluster: 'c1',
  incarnation: 1,
  revision: 231,
  converged: hosts.every((each) => each.converged),
  hosts,
  networks: 1,
  endpoints: 0,
  warnings: [],
})
const notFound = { code: 'not_found', what: 'no such network', on: 'nope', remedy: 'see weft network ls' } as const

async function serve(answers: Partial<Record<Asked['name'], Answer | ((asked: Asked) => Answer)>>): Promise<ApiServer> {
  server = await serveApi((asked) => {
    const answer = answers[asked.name]
    if (answer === undefined) throw new Error(`the test did not expect ${asked.name}`)
    return typeof answer === 'function' ? answer(asked) : answer
  })
  return server
}

describe('network create', () => {
  const created = { ok: network('mynet', 'a') }

  it('sends one request with an id, prints the id, waits for the hosts', async () => {
    const { asked } = await serve({ networkCreate: created, status: { ok: status(host('docker1', 231)) } })
    const ended = await weft(['network', 'create', '--subnet', '10.20.0.0/24', '--label', 'team=web', 'mynet'])
    expect(ended).toEqual({ exit: 0, stdout: `${uid('a')}\n`, stderr: '' })
    expect(asked.map(({ name }) => name)).toEqual(['networkCreate', 'status'])
    expect(asked[0]?.body).toMatchObject({ name: 'mynet', driver: 'overlay', subnets: [{ subnet: '10.20.0.0/24' }] })
    expect(asked[1]?.query).toEqual({ wait: 'true', revision: '231', timeoutMs: '10000' })
  })

  it('warns of a host that has not followed; with --wait that is exit 7', async () => {
    await serve({ networkCreate: created, status: { ok: status(host('docker1', 231), BEHIND) } })
    const line = 'warning: docker2 is at 229: kernel refused vxlan 4097: EEXIST'
    const lenient = await weft(['network', 'create', 'mynet'])
    expect(lenient).toMatchObject({ exit: 0, stdout: `${uid('a')}\n`, stderr: expect.stringContaining(line) })
    const strict = await weft(['network', 'create', '--wait', 'mynet'])
    expect(strict).toMatchObject({ exit: 7, stdout: `${uid('a')}\n`, stderr: expect.stringContaining(line) })
  })

  it('does not wait with --no-wait', async () => {
    const { asked } = await serve({ networkCreate: created })
    expect(await weft(['network', 'create', '--no-wait', 'mynet'])).toMatchObject({ exit: 0 })
    expect(asked.length).toBe(1)
  })

  it('repeats a request that may have been lost, once, under the same id', async () => {
    const { asked } = await serve({ networkCreate: () => (server?.asked.length === 1 ? 'hang-up' : created) })
    expect(await weft(['network', 'create', '--no-wait', 'mynet'])).toMatchObject({ exit: 0 })
    expect(asked.length).toBe(2)
    expect(asked[0]?.body).toEqual(asked[1]?.body)
  })

  it('gives up after the second, and says that it may have been done', async () => {
    const { asked } = await serve({ networkCreate: 'hang-up' })
    const { exit, stderr } = await weft(['network', 'create', '--no-wait', 'mynet'])
    expect({ exit, requests: asked.length }).toEqual({ exit: 6, requests: 2 })
    expect(stderr).toContain('may have been made nevertheless')
  })

  it('shows the server’s refusal as it is and does not repeat it', async () => {
    const error = {
      code: 'conflict',
      what: 'subnet overlaps',
      on: '10.20.0.0/24',
      why: 'network corp has 10.0.0.0/8',
      remedy: 'choose another',
    } as const
    const { asked } = await serve({ networkCreate: { error } })
    const { exit, stdout, stderr } = await weft(['network', 'create', '--subnet', '10.20.0.0/24', 'mynet'])
    expect({ exit, stdout, requests: asked.length }).toEqual({ exit: 4, stdout: '', requests: 1 })
    expect(stderr).toBe(
      'weft: subnet overlaps: 10.20.0.0/24 [conflict]\n  why: network corp has 10.0.0.0/8\n  next: choose another\n',
    )
  })

  it('says with --dry-run what would be made', async () => {
    const { asked } = await serve({ networkCreate: created, hostList: { ok: [] } })
    const { exit, stdout, stderr } = await weft(['network', 'create', '--dry-run', 'mynet'])
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: 'dry run: nothing was changed\n' })
    expect(stdout).toContain('would create overlay network mynet')
    expect(asked[0]?.body).toMatchObject({ dryRun: true })
  })
})

describe('network ls', () => {
  const list = { ok: [network('b', 'b'), network('a', 'a')] }

  it('is a table, sorted, with short ids', async () => {
    await serve({ networkList: list })
    const { exit, stdout } = await weft(['network', 'ls'])
    expect(exit).toBe(0)
    expect(stdout).toBe(`NETWORK ID     NAME   DRIVER    SUBNETS        ENDPOINTS
aaaaaaaaaaaa   a      overlay   10.20.0.0/24   0
bbbbbbbbbbbb   b      overlay   10.20.0.0/24   0
`)
  })

  it.each([
    [['-q'], `${uid('a')}\n${uid('b')}\n`],
    [['-q', '-f', 'name=b'], `${uid('b')}\n`],
    [['-q', '-f', 'driver=macvlan'], ''],
    [['--format', 'json', '-f', 'name=b'], `${JSON.stringify([network('b', 'b')])}\n`],
    [['--format', 'json', '-f', 'name=none'], '[]\n'],
  ])('%j', async (flags, stdout) => {
    await serve({ networkList: list })
    expect(await weft(['network', 'ls', ...flags])).toEqual({ exit: 0, stdout, stderr: '' })
  })

  it('refuses an answer that is not what the API says', async () => {
    await serve({ networkList: { ok: [{ ...network('a', 'a'), surprise: 1 }] } })
    const { exit, stdout, stderr } = await weft(['network', 'ls'])
    expect({ exit, stdout }).toEqual({ exit: 1, stdout: '' })
    expect(stderr).toContain('surprise')
    expect(stderr).toContain('weft version')
  })

  it.each([
    ['<html>', 502, 1],
    ['', 503, 6],
    ['{"error":{"code":"nonsense","what":"x"}}', 404, 3],
    ['{"__proto__":{}}', 401, 5],
  ])('survives %j with HTTP %i', async (raw, code, exit) => {
    await serve({ networkList: { raw, status: code } })
    const ended = await weft(['network', 'ls'])
    expect(ended).toMatchObject({ exit, stdout: '', stderr: expect.stringContaining(`HTTP ${code}`) })
  })
})

describe('several at once', () => {
  it('inspect prints what exists and exits with the first error', async () => {
    await serve({
      networkInspect: ({ params }) => (params.ref === 'a' ? { ok: network('a', 'a') } : { error: notFound }),
      endpointList: { ok: [] },
    })
    const { exit, stdout, stderr } = await weft(['network', 'inspect', 'nope', 'a'])
    expect(exit).toBe(3)
    expect(stderr).toContain('no such network: nope')
    expect(JSON.parse(stdout)).toMatchObject([
      { Name: 'a', Id: uid('a'), IPAM: { Config: [{ Subnet: '10.20.0.0/24' }] } },
    ])
  })

  it('rm goes on after a failure, with a request id for each, and says what was reserved', async () => {
    const reservations = [{ name: 'web', addresses: ['10.20.0.50', 'fd20::50'] }]
    const { asked } = await serve({
      networkRemove: ({ params }) =>
        params.ref === 'nope' ? { error: notFound } : { ok: { uid: uid('a'), name: 'a', revision: 9, reservations } },
      status: { ok: status(host('docker1', 231)) },
    })
    const { exit, stdout, stderr } = await weft(['network', 'rm', 'a', 'nope', 'b'])
    expect({ exit, stdout }).toEqual({ exit: 3, stdout: 'a\nb\n' })
    expect(stderr).toContain('b: no longer reserved for web: 10.20.0.50, fd20::50')
    expect(new Set(asked.slice(0, 3).map(({ query }) => query.req)).size).toBe(3)
  })

  it('ip reserve, release and ls', async () => {
    const reserved = {
      ...{ network: { uid: uid('a'), name: 'front' }, name: 'web', addresses: ['10.20.0.50', 'fd20::50'] },
      ...{ mac: '02:00:00:00:00:50', createdAt: '2026-01-02T03:04:05.000Z' },
    }
    const { asked } = await serve({
      ipReserve: { ok: reserved },
      ipRelease: { ok: reserved },
      ipList: {
        ok: [
          { address: '10.20.0.1', subnet: '10.20.0.0/24', state: 'gateway', since: '2026-01-02T03:04:05.000Z' },
          { address: '10.20.0.50', subnet: '10.20.0.0/24', state: 'attached', holder: 'web', reservedFor: 'web' },
        ],
      },
    })
    const wish = ['ip', 'reserve', '--mac', '02-00-00-00-00-50', 'front', 'web', '10.20.0.50']
    expect(await weft(wish)).toMatchObject({ exit: 0, stdout: '10.20.0.50\nfd20::50\n' })
    expect(asked[0]).toMatchObject({
      params: { ref: 'front' },
      body: { name: 'web', addresses: ['10.20.0.50'], mac: '02:00:00:00:00:50' },
    })
    expect(await weft(['ip', 'release', 'front', 'web', '10.20.0.9'])).toMatchObject({ stdout: 'web\n10.20.0.9\n' })
    expect(asked.slice(1).map(({ params }) => params.what)).toEqual(['web', '10.20.0.9'])
    const { stdout } = await weft(['ip', 'ls', 'front'])
    expect(stdout).toMatch(
      /^ADDRESS +STATE +HOLDER +HOST +RESERVED FOR +MAC +SINCE\n10\.20\.0\.1 +gateway .* 2026-01-02T03:04:05Z\n/,
    )
    expect((await weft(['ip', 'ls', '-q', 'front'])).stdout).toBe('10.20.0.1\n10.20.0.50\n')
  })

  it('uplink set and unset speak to each host', async () => {
    const { asked } = await serve({
      uplinkSet: { ok: { name: 'storage', hosts: {} } },
      uplinkList: { ok: [{ name: 'storage', hosts: { docker1: 'eth1', docker2: 'eth2' } }] },
    })
    expect(await weft(['uplink', 'set', 'storage', 'docker1=eth1', 'docker2=enp7s0'])).toMatchObject({
      exit: 0,
      stdout: 'docker1=eth1\ndocker2=enp7s0\n',
    })
    expect(await weft(['uplink', 'unset', 'storage'])).toMatchObject({ exit: 0, stdout: 'docker1\ndocker2\n' })
    const sets = asked.filter(({ name }) => name === 'uplinkSet')
    expect(sets.map(({ params, body }) => [params.host, (body as { interface: unknown }).interface])).toEqual([
      ['docker1', 'eth1'],
      ['docker2', 'enp7s0'],
      ['docker1', null],
      ['docker2', null],
    ])
  })
})

describe('status', () => {
  it('is one screen', async () => {
    await serve({ status: { ok: status(host('docker1', 231), BEHIND) } })
    const { exit, stdout } = await weft(['status'])
    expect(exit).toBe(0)
    expect(stdout).toMatch(/^1 of 2 hosts at revision 231\n/)
    expect(stdout).toContain('\ndocker2 at 229: kernel refused vxlan 4097: EEXIST\n')
  })

  it('--wait exits 7 with who has not followed and why', async () => {
    const { asked } = await serve({ status: { ok: status(host('docker1', 231), BEHIND) } })
    const { exit, stderr } = await weft(['status', '--wait', '--timeout', '2s', '--revision', '230'])
    expect(exit).toBe(7)
    expect(stderr).toContain('docker2 is at 229: kernel refused vxlan 4097: EEXIST')
    expect(asked[0]?.query).toEqual({ wait: 'true', timeoutMs: '2000', revision: '230' })
  })

  it('--wait is content when every host has the revision asked for', async () => {
    await serve({ status: { ok: status(host('docker1', 231), BEHIND) } })
    expect(await weft(['status', '--wait', '--revision', '229'])).toMatchObject({ exit: 0, stderr: '' })
  })

  it('--format json is the API’s own object', async () => {
    const view = status(host('docker1', 231))
    await serve({ status: { ok: view } })
    expect(JSON.parse((await weft(['status', '--format', 'json'])).stdout)).toEqual(view)
  })
})

describe('events', () => {
  const event = (name: string, type = 'network') => ({
    time: '2026-01-02T03:04:05.000Z',
    revision: 231,
    type,
    action: 'create',
    id: uid('a'),
    name,
    attributes: { driver: 'overlay' },
  })

  it('prints as they come until Ctrl-C, which is no failure', async () => {
    await serve({ events: { ok: [event('first'), event('other', 'host'), event('last')] } })
    const ended = await weft(['events', '-f', 'type=network'], {}, 'name=last')
    const line = (name: string) =>
      `2026-01-02T03:04:05.000Z network create ${uid('a')} (name=${name}, driver=overlay, revision=231)\n`
    expect(ended).toEqual({ exit: 0, stdout: line('first') + line('last'), stderr: '' })
  })
})

describe('who one is', () => {
  it('sends it to nobody beyond loopback without TLS, unless told to', async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'weft-secret-'))
    const file = path.join(folder, 'secret')
    try {
      fs.writeFileSync(file, 's3cret-s3cret-s3cret\n')
      const clear = ['host', 'ls', '--secret-file', file, '--controller', 'http://192.0.2.10:7474']
      expect(await weft(clear)).toMatchObject({
        exit: 2,
        stderr: expect.stringMatching(
          /without TLS: http:\/\/192\.0\.2\.10:7474.*in clear.*https:\/\/192\.0\.2\.10:7474/s,
        ),
      })
      const { asked, tcpAddress } = await serve({ hostList: { ok: [] } })
      await weft(['host', 'ls', '--insecure', '--secret-file', file, '--controller', tcpAddress])
      expect(asked).toHaveLength(1)
    } finally {
      fs.rmSync(folder, { recursive: true })
    }
  })

  it('sends the secret over TCP only', async () => {
    const { asked, tcpAddress } = await serve({ networkList: { ok: [] } })
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'weft-secret-'))
    const file = path.join(folder, 'secret')
    try {
      fs.writeFileSync(file, 's3cret-s3cret-s3cret\n')
      await weft(['network', 'ls', '--secret-file', file, '--controller', tcpAddress])
      await weft(['network', 'ls'], { WEFT_SECRET_FILE: file, WEFT_CONTROLLER: tcpAddress })
      await weft(['network', 'ls'], { WEFT_SECRET_FILE: file })
    } finally {
      fs.rmSync(folder, { recursive: true })
    }
    expect(asked.map(({ authorization }) => authorization)).toEqual([
      'Bearer s3cret-s3cret-s3cret',
      'Bearer s3cret-s3cret-s3cret',
      undefined,
    ])
  })

  it('says versions of both', async () => {
    await serve({ version: { ok: { version: '0.1.0', cluster: 'c1' } } })
    const { exit, stdout } = await weft(['version'])
    expect(exit).toBe(0)
    expect(stdout).toMatch(/^weft +0\.1\.0\ncontroller +0\.1\.0\ncluster +c1\n$/)
  })
})

describe('nobody listens', () => {
  it.each(['http://127.0.0.1:1', 'unix:/nowhere/controller.sock'])('%s', async (address) => {
    const { exit, stdout, stderr } = await weft(['host', 'ls', '--controller', address])
    expect({ exit, stdout }).toEqual({ exit: 6, stdout: '' })
    expect(stderr).toContain(address)
    expect(stderr).toContain('npm start')
  })
})

describe('completion of names', () => {
  it('asks the cluster', async () => {
    await serve({ networkList: { ok: [network('b', 'b'), network('a', 'a')] } })
    expect(await weft(['completion', 'bash', '--words', 'networks'])).toEqual({ exit: 0, stdout: 'b\na\n', stderr: '' })
  })
})
