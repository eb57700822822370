/** The embedded etcd and nats-server: started, restarted, ended, never orphaned, never another's. */
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { WeftError } from '@weft/shared'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { childMarkFile } from '../../controller/src/embedded/folder.ts'
import { type Embedded, type EmbeddedOptions, freePort, startEmbedded } from '../../controller/src/embedded/index.ts'
import { greeting } from '../../controller/src/embedded/nats.ts'
import { isRunning, processMark } from '../../controller/src/embedded/processes.ts'
import { openLog } from '../../controller/src/log.ts'

const root = fs.mkdtempSync(path.join(os.tmpdir(), 'weft-embedded-'))
const running: Embedded[] = []
let count = 0

async function optionsOf(more: Partial<EmbeddedOptions> = {}): Promise<EmbeddedOptions> {
  return {
    folder: path.join(root, String(count++)),
    natsListen: { host: '127.0.0.1', port: await freePort() },
    user: 'weft',
    secret: 'a-secret-for-tests-only',
    etcdProgram: 'etcd',
    natsProgram: 'nats-server',
    searchPath: process.env.PATH ?? '',
    log: openLog('silent'),
    parts: { etcd: true, nats: true },
    ...more,
  }
}

async function start(options: EmbeddedOptions): Promise<Embedded> {
  const embedded = await startEmbedded(options)
  running.push(embedded)
  return embedded
}

const pidOf = (folder: string, name: string) =>
  Number(fs.readFileSync(childMarkFile(folder, name), 'utf8').split(' ')[0])
const isHealthy = async (url: string | undefined) =>
  await fetch(`${url}/health`).then(
    (r) => r.ok,
    () => false,
  )
const refusal = async (work: Promise<unknown>) =>
  await work.then(
    () => undefined,
    (error) => WeftError.from(error),
  )

afterEach(async () => {
  await Promise.all(running.splice(0).map((embedded) => embedded.stop()))
})
afterAll(() => fs.rmSync(root, { recursive: true, force: true }))

describe('embedded parts', () => {
  it('serve on loopback, are told where, and are gone after stop', async () => {
    const options = await optionsOf()
    const embedded = await start(options)
    expect(embedded.etcdUrl).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
    expect(embedded.natsUrl).toBe(`nats://127.0.0.1:${options.natsListen.port}`)
    expect(await isHealthy(embedded.etcdUrl)).toBe(true)
    const marks = ['etcd', 'nats-server'].map((name) => processMark(pidOf(options.folder, name)))
    await embedded.stop()
    for (const mark of marks) expect(mark !== undefined && isRunning(mark)).toBe(false)
    expect(fs.existsSync(path.join(options.folder, 'controller.lock'))).toBe(false)
  })

  it('keep their ports and data over a restart', async () => {
    const options = await optionsOf()
    const first = await start(options)
    const put = { key: btoa('kept'), value: btoa('yes') }
    const post = async (action: string, body: unknown) =>
      await (await fetch(`${first.etcdUrl}/v3/kv/${action}`, { method: 'POST', body: JSON.stringify(body) })).json()
    await post('put', put)
    await first.stop()
    const second = await start(options)
    expect(second.etcdUrl).toBe(first.etcdUrl)
    expect(await post('range', { key: put.key })).toMatchObject({ kvs: [{ value: put.value }] })
  })

  it('are started again when they die', async () => {
    const options = await optionsOf()
    const embedded = await start(options)
    for (const name of ['etcd', 'nats-server']) process.kill(pidOf(options.folder, name), 'SIGKILL')
    await expect.poll(() => isHealthy(embedded.etcdUrl), { timeout: 10_000 }).toBe(true)
    await expect.poll(() => greeting('127.0.0.1', options.natsListen.port), { timeout: 10_000 }).toBeDefined()
  })

  it('ends what a killed controller left behind, and nothing that merely has its process id', async () => {
    const options = await optionsOf({ parts: { etcd: true, nats: false } })
    await (await start(options)).stop()
    // What a killed controller leaves: a child that runs, with its mark.
    const orphan = spawn('sleep', ['60'], { stdio: 'ignore' })
    const etcd = spawn(
      'etcd',
      [
        `--data-dir=${options.folder}/etcd`,
        '--listen-client-urls=http://127.0.0.1:0',
        '--advertise-client-urls=http://127.0.0.1:1',
        '--listen-peer-urls=http://127.0.0.1:0',
      ],
      { stdio: 'ignore' },
    )
    try {
      const mark = processMark(etcd.pid ?? 0)
      fs.writeFileSync(childMarkFile(options.folder, 'etcd'), `${mark?.pid} ${mark?.startedAt}\n`)
      const second = await start(options)
      expect(mark !== undefined && isRunning(mark)).toBe(false)
      expect(await isHealthy(second.etcdUrl)).toBe(true)
      await second.stop()
      // A stranger: it has the recorded id and start, but not our arguments.
      const stranger = processMark(orphan.pid ?? 0)
      fs.writeFileSync(childMarkFile(options.folder, 'etcd'), `${stranger?.pid} ${stranger?.startedAt}\n`)
      await start(options)
      expect(stranger !== undefined && isRunning(stranger)).toBe(true)
    } finally {
      orphan.kill('SIGKILL')
      etcd.kill('SIGKILL')
    }
  })

  it('refuse a folder that another controller has', async () => {
    const options = await optionsOf({ parts: { etcd: false, nats: false } })
    fs.mkdirSync(options.folder)
    const other = spawn('sleep', ['60'], { stdio: 'ignore' })
    try {
      const mark = processMark(other.pid ?? 0)
      fs.writeFileSync(path.join(options.folder, 'controller.lock'), `${mark?.pid} ${mark?.startedAt}\n`)
      const error = await refusal(start(options))
      expect(error?.code).toBe('conflict')
      expect(error?.message).toContain(String(other.pid))
    } finally {
      other.kill('SIGKILL')
    }
    await expect.poll(() => refusal(start(options))).toBeUndefined()
  })

  it('say which package is missing, and leave nothing running', async () => {
    const error = await refusal(start(await optionsOf({ natsProgram: 'no-such-nats-server' })))
    expect(error?.code).toBe('unavailable')
    expect(error?.message).toContain('apt-get install nats-server, or name it with --nats-bin')
  })

  it('show the end of the log of a child that does not come up', async () => {
    const options = await optionsOf({ parts: { etcd: false, nats: true } })
    const error = await refusal(start({ ...options, natsProgram: '/bin/false' }))
    expect(error?.code).toBe('unavailable')
    expect(error?.message).toContain('nats-server.log')
  })
})
