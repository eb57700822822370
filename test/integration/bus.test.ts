/** The bus over a real nats-server, started as the controller starts it, and the model of it. */
import fs from 'node:fs'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Bus } from '../../controller/src/bus/bus.ts'
import { connectNats, natsVersionWarning } from '../../controller/src/bus/index.ts'
import { ModelBroker } from '../../controller/src/bus/model.ts'
import type { BusNotice, NatsBus } from '../../controller/src/bus/nats.ts'
import { type Embedded, freePort, startEmbedded } from '../../controller/src/embedded/index.ts'
import { openLog } from '../../controller/src/log.ts'
import { busConformance } from '../conformance/bus.ts'

const SECRET = 'a-secret-for-tests-only'
const log = openLog('silent')

async function startNats(folder: string, port: number): Promise<Embedded> {
  return await startEmbedded({
    folder,
    natsListen: { host: '127.0.0.1', port },
    user: 'weft',
    secret: SECRET,
    etcdProgram: 'etcd',
    natsProgram: 'nats-server',
    searchPath: process.env.PATH ?? '',
    log,
    parts: { etcd: false, nats: true },
  })
}

const temporary = () => fs.mkdtempSync(path.join(os.tmpdir(), 'weft-bus-'))
const after = (ms: number, run: () => void) => {
  const timer = setTimeout(run, ms)
  return () => clearTimeout(timer)
}
const options = (port: number, notices: BusNotice[] = []) => ({
  servers: [`nats://127.0.0.1:${port}`],
  user: 'weft',
  password: SECRET,
  name: 'test',
  onNotice: (notice: BusNotice) => void notices.push(notice),
})

busConformance('NATS', async () => {
  const folder = temporary()
  const port = await freePort()
  const server = await startNats(folder, port)
  return {
    connect: async () => await connectNats(options(port)),
    settled: async (bus) => await (bus as NatsBus).flush(),
    close: async () => {
      await server.stop()
      fs.rmSync(folder, { recursive: true })
    },
  }
})

busConformance('model', async () => {
  const broker = new ModelBroker({ random: Math.random, later: setImmediate, after })
  return { connect: async () => broker.connect(), settled: async () => {}, close: async () => {} }
})

describe('the bus over NATS', () => {
  const folder = temporary()
  let port = 0
  let server: Embedded
  const open: Bus[] = []
  const connect = async (notices: BusNotice[] = [], more: { onReconnect?: () => void } = {}) => {
    const bus = await connectNats({ ...options(port, notices), ...more })
    open.push(bus)
    return bus
  }
  beforeAll(async () => {
    port = await freePort()
    server = await startNats(folder, port)
  })
  afterAll(async () => {
    await Promise.all(open.map((bus) => bus.close()))
    await server.stop()
    fs.rmSync(folder, { recursive: true })
  })

  it('answers and counts what is no UTF-8, and goes on', async () => {
    const bus = await connect()
    bus.serve('t.garbage', async () => 'fine')
    await bus.flush()
    const { connect: raw } = await import('nats')
    const other = await raw({ servers: `127.0.0.1:${port}`, user: 'weft', pass: SECRET })
    const answer = await other.request('t.garbage', new Uint8Array([0xff, 0xfe, 0x00]))
    expect(answer.json()).toMatchObject({ error: { code: 'invalid' } })
    expect((await other.request('t.garbage', 'text')).string()).toBe('fine')
    expect(bus.counts.garbage).toBe(1)
    await other.close()
  })

  it('refuses another password by name of the remedy, and soon', async () => {
    const refused = connectNats({ ...options(port), password: 'another-secret-of-some-kind' })
    await expect(refused).rejects.toMatchObject({ code: 'denied', message: expect.stringContaining('--secret-file') })
  })

  it('ends the waiting for a server that is not there with the signal', async () => {
    const stop = new AbortController()
    const waiting = connectNats(options(await freePort()), stop.signal)
    setTimeout(() => stop.abort(), 300)
    await expect(waiting).rejects.toMatchObject({ code: 'unavailable' })
  })

  it('listens nowhere but on its port, and asks everyone for the password', async () => {
    const config = fs.readFileSync(path.join(folder, 'nats-server.conf'), 'utf8')
    expect(config).not.toMatch(/jetstream|websocket|leafnode|mqtt|cluster|http|no_auth_user/)
    expect(fs.statSync(path.join(folder, 'nats-server.conf')).mode & 0o777).toBe(0o600)
    const info = await new Promise<string>((resolve, reject) => {
      const socket = net.connect(port, '127.0.0.1')
      socket.once('data', (data) => {
        socket.destroy()
        resolve(data.toString())
      })
      socket.once('error', reject)
    })
    expect(JSON.parse(info.slice(5))).toMatchObject({ auth_required: true, max_payload: 1_048_576 })
    expect(info).not.toContain('"jetstream":true')
  })

  it('comes back with its subscriptions when the server was killed, and tells so', async () => {
    const notices: BusNotice[] = []
    let reconnects = 0
    const bus = await connect(notices, { onReconnect: () => reconnects++ })
    const other = await connect()
    bus.serve('t.back', async () => 'still here')
    await bus.flush()
    const pid = Number(fs.readFileSync(path.join(folder, 'nats-server.pid'), 'utf8').split(' ')[0])
    process.kill(pid, 'SIGKILL')
    await expect.poll(() => reconnects, { timeout: 15_000 }).toBe(1)
    await expect
      .poll(async () => await other.request('t.back', '', 1_000).catch(String), { timeout: 15_000 })
      .toBe('still here')
    expect(notices.map((notice) => notice.what)).toEqual(
      expect.arrayContaining(['bus disconnected', 'bus reconnected']),
    )
    expect(bus.counts.reconnects).toBe(1)
  })
})

describe('the model’s faults', () => {
  const seeded = (seed: number) => () => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
    return seed / 2 ** 32
  }
  const history = async (seed: number, faults: { drop?: number; duplicate?: number; reorder?: number }) => {
    const queue: (() => void)[] = []
    const broker = new ModelBroker({ random: seeded(seed), later: (run) => queue.push(run), after, ...faults })
    const [from, to] = [broker.connect(), broker.connect()]
    const heard: number[] = []
    to.serve('t.x', ({ text }) => {
      heard.push(Number(text))
      return undefined
    })
    for (let index = 0; index < 200; index++) from.publish('t.x', String(index))
    while (queue.length > 0) queue.shift()?.()
    return heard
  }
  const sent = Array.from({ length: 200 }, (_, index) => index)

  it('are none unless asked for', async () => {
    expect(await history(1, {})).toEqual(sent)
  })

  it('lose, double and reorder, the same way from the same seed', async () => {
    const faults = { drop: 0.1, duplicate: 0.1, reorder: 0.3 }
    const heard = await history(7, faults)
    expect(await history(7, faults)).toEqual(heard)
    expect(await history(8, faults)).not.toEqual(heard)
    expect(new Set(heard).size).toBeLessThan(200)
    expect(new Set(heard).size).toBeLessThan(heard.length)
    expect(heard).not.toEqual([...heard].sort((x, y) => x - y))
  })

  it('make a request whose answer is lost end by its deadline', async () => {
    const broker = new ModelBroker({ random: () => 0.5, later: setImmediate, after, drop: 1 })
    const [from, to] = [broker.connect(), broker.connect()]
    to.serve('t.lost', async () => 'answer')
    await expect(from.request('t.lost', '', 30)).rejects.toMatchObject({ code: 'deadline' })
  })
})

describe('the floor of NATS versions', () => {
  it.each([
    ['2.9.10', true],
    ['2.10.29', true],
    ['2.11.15', true],
    ['2.11.16', false],
    ['2.12.6', true],
    ['2.12.7', false],
    ['2.14.0', false],
    ['3.0.0', false],
    ['nonsense', true],
  ])('%s warns: %s', (version, warns) => {
    expect(natsVersionWarning(version) !== undefined).toBe(warns)
  })
})
