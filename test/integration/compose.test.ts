/** docker-compose.yml and what belongs to it, as Compose itself reads them; that they run is shown in test/lab. */
import { execFileSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { natsConfig } from '../../controller/src/embedded/nats.ts'
import { COMPOSE_FILE, type ComposeConfig, composeLacks, ROOT, readComposeFile } from '../support/compose.ts'

const MAKE_SECRETS = path.join(ROOT, 'packaging/compose/make-secrets')
const SECRETS = ['weft-cert', 'weft-key', 'weft-secret']

if (composeLacks !== '') console.log(`skipped: docker-compose.yml as Compose reads it: ${composeLacks}`)

describe.skipIf(composeLacks !== '')('docker-compose.yml', () => {
  let config: ComposeConfig
  beforeAll(() => {
    config = readComposeFile()
  })

  it('is etcd, NATS and a controller, each pinned, watched, restarted and confined', () => {
    expect(Object.keys(config.services).sort()).toEqual(['controller', 'etcd', 'nats'])
    for (const [name, service] of Object.entries(config.services)) {
      expect(service.image, name).toMatch(/^[a-z0-9./-]+:v?\d+\.\d+\.\d+(-[a-z]+)?$/)
      expect(service.healthcheck?.test[0], name).toBe('CMD')
      expect(service, name).toMatchObject({
        restart: 'unless-stopped',
        read_only: true,
        cap_drop: ['ALL'],
        security_opt: ['no-new-privileges:true'],
      })
    }
    for (const name of ['nats', 'controller']) expect(config.services[name]?.user).toMatch(/^[1-9]\d+:[1-9]\d+$/)
  })

  it('shows etcd to the controller and to nobody else', () => {
    const { etcd, nats, controller } = config.services
    expect(etcd?.ports).toEqual([])
    expect(Object.keys(etcd?.networks ?? {})).toEqual(['store'])
    expect(config.networks.store?.internal).toBe(true)
    expect(Object.keys(nats?.networks ?? {})).toEqual(['hosts'])
    expect(Object.keys(controller?.networks ?? {}).sort()).toEqual(['hosts', 'store'])
    expect(etcd?.volumes).toEqual(['etcd:/var/lib/etcd:rw'])
  })

  it('hands secrets over as files', () => {
    expect(Object.keys(config.secrets).sort()).toEqual(SECRETS)
    for (const name of ['nats', 'controller'])
      expect(config.services[name]?.secrets.map(({ source }) => source).sort()).toEqual(SECRETS)
    for (const service of Object.values(config.services))
      for (const [variable, value] of Object.entries(service.environment))
        if (/secret|key|pass/i.test(variable)) expect(value).toMatch(/^\/run\/secrets\/weft-/)
    const files = Object.values(readComposeFile({ WEFT_SECRETS: '/etc/weft/secrets' }).secrets).map(({ file }) => file)
    expect(files.sort()).toEqual(SECRETS.map((name) => `/etc/weft/secrets/${name}`))
  })
})

describe('beside docker-compose.yml', () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'weft-secrets-'))
  afterAll(() => fs.rmSync(folder, { recursive: true, force: true }))

  it('the Dockerfile and the file name the image and Node as the checkout has them', () => {
    const { version } = JSON.parse(fs.readFileSync(path.join(ROOT, 'package.json'), 'utf8'))
    expect(fs.readFileSync(COMPOSE_FILE, 'utf8')).toContain(`image: weft/controller:${version}\n`)
    const nodes = fs.readFileSync(path.join(ROOT, 'packaging/controller/Dockerfile'), 'utf8').match(/^FROM \S+/gm)
    expect(new Set(nodes)).toEqual(new Set(['FROM node:26.12.1-bookworm-slim']))
  })

  it('nats.conf has the limits of the embedded NATS', () => {
    const embedded = natsConfig({
      natsListen: { host: '0.0.0.0', port: 4222 },
      natsTls: undefined,
      user: 'weft',
      secret: 's',
    })
    const lines = fs.readFileSync(path.join(ROOT, 'packaging/compose/nats.conf'), 'utf8').split('\n')
    const shared = embedded.split('\n').filter((line) => !line.startsWith('#') && !line.startsWith('authorization'))
    expect(lines).toEqual(expect.arrayContaining(shared))
    expect(lines).toContain('authorization { user: "weft", password: $WEFT_SECRET, timeout: 3 }')
  })

  it.skipIf(process.getuid?.() !== 0)(
    'make-secrets makes what is not there, for the names given, and keeps the rest',
    () => {
      const env = { ...process.env, WEFT_SECRETS: folder }
      const read = () => SECRETS.map((name) => fs.readFileSync(path.join(folder, name), 'utf8'))
      execFileSync(MAKE_SECRETS, ['192.0.2.10', '2001:db8::10', 'weft.example.org'], { env })
      const before = read()
      for (const name of SECRETS) {
        const { mode, uid } = fs.statSync(path.join(folder, name))
        expect([mode & 0o777, uid], name).toEqual([0o600, 65532])
      }
      const certificate = new X509Certificate(before[0] ?? '')
      expect(certificate.checkIP('192.0.2.10')).toBeDefined()
      expect(certificate.checkIP('2001:db8::10')).toBeDefined()
      for (const name of ['weft.example.org', 'nats', 'controller', 'localhost'])
        expect(certificate.checkHost(name), name).toBe(name)
      expect(before[2]).toMatch(/^[0-9a-f]{48}\n$/)
      execFileSync(MAKE_SECRETS, ['192.0.2.11'], { env })
      expect(read()).toEqual(before)
      expect(() => execFileSync(MAKE_SECRETS, ['a;b'], { env, stdio: 'pipe' })).toThrow('neither an address nor a name')
    },
  )
})
