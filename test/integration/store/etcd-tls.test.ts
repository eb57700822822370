import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { etcdKv } from '../../../controller/src/store/etcd.ts'
import { when } from '../../../controller/src/store/txn.ts'
import { ControllerProcess, networkRequest, newPlace } from '../../support/controller.ts'
import { type EtcdServer, startEtcd } from '../../support/etcd.ts'
import { call } from '../../support/http.ts'

const run = promisify(execFile)
let folder: string
let server: EtcdServer | undefined

/** A certificate for `cn`, signed by the folder's CA and good for loopback. */
async function issue(name: string, cn: string): Promise<void> {
  const file = (kind: string) => join(folder, `${name}.${kind}`)
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', file('key')]
  await run('openssl', ['req', '-new', ...key, '-subj', `/CN=${cn}`, '-out', file('csr')])
  await writeFile(file('ext'), 'subjectAltName=IP:127.0.0.1,DNS:etcd.test\n')
  const ca = ['-CA', join(folder, 'ca.crt'), '-CAkey', join(folder, 'ca.key'), '-CAcreateserial']
  await run('openssl', [
    'x509',
    '-req',
    '-in',
    file('csr'),
    ...ca,
    '-days',
    '2',
    '-extfile',
    file('ext'),
    '-out',
    file('crt'),
  ])
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weft-etcd-tls-'))
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', join(folder, 'ca.key')]
  await run('openssl', ['req', '-x509', ...key, '-subj', '/CN=test CA', '-days', '2', '-out', join(folder, 'ca.crt')])
  await issue('server', 'etcd')
  await issue('root', 'root')
  await issue('nobody', 'nobody')
  const at = (file: string) => join(folder, file)
  server = await startEtcd({
    tls: { ca: at('ca.crt'), cert: at('server.crt'), key: at('server.key') },
    client: { cert: at('root.crt'), key: at('root.key') },
    flags: ['--auth-token-ttl=2'],
  })
  await server.ctl('user', 'add', 'root', '--no-password')
  await server.ctl('user', 'grant-role', 'root', 'root')
  await server.ctl('auth', 'enable')
})
afterAll(async () => {
  await server?.stop()
  await rm(folder, { recursive: true, force: true })
})

async function client(name: string, serverName: string, onWatchReconnect: () => void = () => {}) {
  if (server === undefined) throw new Error('no etcd')
  const text = (file: string) => readFile(join(folder, file), 'utf8')
  const tls = { ca: await text('ca.crt'), cert: await text(`${name}.crt`), key: await text(`${name}.key`) }
  return etcdKv({ endpoints: [server.endpoint], tls: { ...tls, serverName } }, { deadlineMs: 3_000, onWatchReconnect })
}

it('E8 with client certificates a watch outlives any token, and writes go on', async () => {
  let reconnects = 0
  const kv = await client('root', 'etcd.test', () => reconnects++)
  const stop = new AbortController()
  const { revision } = await kv.get('/x')
  const seen: string[] = []
  const reading = (async () => {
    for await (const batch of kv.watch('/x/', { fromRevision: revision + 1, signal: stop.signal })) {
      if (batch.kind !== 'events') continue
      for (const event of batch.events) if (event.kind === 'put') seen.push(event.entry.value)
      if (seen.includes('after')) stop.abort()
    }
  })()
  await kv.txn(when([], [{ put: '/x/a', value: 'before' }]), { requestId: 'one' })
  await new Promise((resolve) => setTimeout(resolve, 5_000))
  await kv.txn(when([], [{ put: '/x/a', value: 'after' }]), { requestId: 'two' })
  await reading
  expect(seen).toEqual(['before', 'after'])
  expect(reconnects).toBe(0)
  kv.close()
})

it('E8 a certificate that etcd knows no user for is denied, and says so', async () => {
  const kv = await client('nobody', 'etcd.test')
  await expect(kv.get('/x')).rejects.toMatchObject({ code: 'denied' })
  kv.close()
})

it('an etcd with another name in its certificate is not spoken to', async () => {
  const kv = await client('root', 'other.test')
  await expect(kv.get('/x')).rejects.toThrow(/other\.test/)
  kv.close()
})

it('TLS to an address without a server name is refused with the remedy', () => {
  const tls = { ca: '', cert: '', key: '' }
  expect(() => etcdKv({ endpoints: ['https://127.0.0.1:2379'], tls })).toThrow(/\[invalid\].*--etcd-server-name/)
})

it('a whole controller speaks TLS to etcd, and tells there by which door a change came', async () => {
  if (server === undefined) throw new Error('no etcd')
  const place = await newPlace()
  const file = (kind: string) => join(folder, `root.${kind}`)
  const files = ['--etcd-ca', join(folder, 'ca.crt'), '--etcd-cert', file('crt'), '--etcd-key', file('key')]
  const flags = ['--embedded', '--etcd', server.endpoint, ...files, '--etcd-server-name', 'etcd.test']
  const controller = new ControllerProcess(place, flags)
  try {
    await controller.ready()
    expect((await controller.call('POST', '/v1/networks', networkRequest('front'))).status).toBe(200)
    const tcp = { host: '127.0.0.1', port: place.port }
    const bearer = { authorization: `Bearer ${controller.secret}` }
    expect((await call(tcp, 'POST', '/v1/networks', networkRequest('back'), bearer)).status).toBe(200)
    const audit = await server.ctl('get', '--prefix', '/weft/v1/audit/', '--print-value-only')
    const told = audit
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(told.map(({ actor, action, req }) => [actor, action, req])).toEqual([
      ['local', 'network.create', 'test-front-0001'],
      ['secret', 'network.create', 'test-back-0001'],
    ])
  } finally {
    expect(await controller.stop()).toBe(0)
    await rm(place.folder, { recursive: true, force: true })
  }
})
