/**
 * The control plane of docker-compose.yml, run by Compose on one lab host from images made here; an agent on the other host joins
 * it over TLS, and a network made in the controller's container carries a container there.
 */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startDaemon } from '../../cli/src/lab/daemon.ts'
import { findHost } from '../../cli/src/lab/index.ts'
import { on, tryOn } from '../../cli/src/lab/scenario/check.ts'
import { accepts } from '../../cli/src/lab/unix-socket.ts'
import { COMPOSE_FILE, composeLacks, composeProgram, makeComposeImages, ROOT } from '../support/compose.ts'
import { eventually, useLab, wantedEngine } from '../support/lab.ts'

const OVERRIDE = 'override.yml'

if (composeLacks !== '') console.log(`skipped: control plane by Compose: ${composeLacks}`)

describe.skipIf(composeLacks !== '')('control plane by Compose', () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'weft-compose-'))
  const secret = (name: string) => path.join(folder, 'secrets', name)
  const lab = useLab('compose', { control: false })
  let program = ''
  const compose = async (...argv: string[]) => {
    const files = ['-p', 'weft', '-f', COMPOSE_FILE, '-f', path.join(folder, OVERRIDE)]
    const env = [`WEFT_SECRETS=${path.join(folder, 'secrets')}`, 'PYTHONWARNINGS=ignore']
    return await on(lab(), 'docker1', 'env', ...env, program, ...files, ...argv)
  }
  const weft = (...argv: string[]) => compose('exec', '-T', 'controller', 'weft', ...argv)

  beforeAll(async () => {
    program = await composeProgram(wantedEngine().engine)
    const images = await makeComposeImages(folder)
    const services = images.map(
      ({ service, name }) => `  ${service}: {image: '${name}', healthcheck: {interval: 1s, retries: 60}}`,
    )
    fs.writeFileSync(path.join(folder, OVERRIDE), `version: '3.9'\nservices:\n${services.join('\n')}\n`)
    await Promise.all(
      images.map(async ({ name, tar, changes }) => {
        const options = changes.flatMap((change) => ['--change', change])
        await on(lab(), 'docker1', 'docker', 'import', ...options, tar, name)
      }),
    )
    const make = [`WEFT_SECRETS=${path.join(folder, 'secrets')}`, path.join(ROOT, 'packaging/compose/make-secrets')]
    await on(lab(), 'docker1', 'env', ...make, findHost(lab(), 'docker1').ipv4)
  }, 180_000)
  afterAll(() => fs.rmSync(folder, { recursive: true, force: true }))

  it('comes up, and every part reports itself healthy', async () => {
    await compose('up', '-d', '--no-build')
    await eventually('all three are healthy', 30_000, async () => {
      const states = await on(lab(), 'docker1', 'docker', 'ps', '--format', '{{.Names}} {{.Status}}')
      return states.split('\n').filter((line) => line.includes('(healthy)')).length === 3 ? true : undefined
    })
    expect(await weft('version')).toMatch(/controller +\d+\.\d+\.\d+/)
  })

  it('gives nothing to who has no secret, and no etcd to anybody', async () => {
    const at = findHost(lab(), 'docker1').ipv4
    const ask = (url: string) =>
      tryOn(lab(), 'docker2', 'curl', '-s', '-m', '3', '--cacert', secret('weft-cert'), '-w', '%{http_code}', url)
    expect((await ask(`https://${at}:7474/v1/status`)).stdout).toMatch(/not authorised.*403$/s)
    expect((await ask(`http://${at}:2379/health`)).code).not.toBe(0)
  })

  it('an agent joins over TLS, and a network made in the container carries a container', async () => {
    const host = findHost(lab(), 'docker2')
    const at = findHost(lab(), 'docker1').ipv4
    const argv = [
      ...[process.execPath, path.join(ROOT, 'agent/dist/main.js'), '--id', host.name, '--data', host.data],
      ...['--underlay', 'eth0', '--controller', `https://${at}:7474`, '--nats', `tls://${at}:4222`],
      ...['--secret-file', secret('weft-secret'), '--ca', secret('weft-cert')],
    ]
    const ready = () => accepts(path.join(host.run, 'docker/plugins/weft.sock'))
    await startDaemon(host, { name: 'agent', argv, ready, readyWithinMs: 30_000 })
    await eventually('docker2 is alive', 20_000, async () =>
      (await weft('host', 'ls')).includes('docker2') ? true : undefined,
    )
    await weft('network', 'create', '--subnet', '10.20.0.0/24', 'mynet')
    await weft('status', '--wait', '--timeout', '20s')
    expect(await on(lab(), 'docker2', 'docker', 'network', 'ls', '-q', '-f', 'name=mynet')).not.toBe('')
    const address = await on(
      lab(),
      'docker2',
      'docker',
      'run',
      '--rm',
      '--network',
      'mynet',
      'weft/tools',
      'ip',
      '-br',
      'addr',
    )
    expect(address).toMatch(/eth0\S* +\w+ +10\.20\.0\.2\/24/)
  })

  it('keeps all it knows in the volume: down and up again', async () => {
    await compose('down')
    await compose('up', '-d', '--no-build')
    await eventually('the network is there', 30_000, async () => {
      const listed = await weft('network', 'ls').catch(() => '')
      return listed.includes('mynet') ? true : undefined
    })
  })
})
