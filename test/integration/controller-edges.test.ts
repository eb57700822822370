/** The controller's edges to the machine: sockets, files, a storm of requests. */
import fs from 'node:fs'
import http from 'node:http'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { WeftError } from '@weft/shared'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { type AgentHandlers, createAgentDoor } from '../../controller/src/agent-requests.ts'
import { listenTcp, listenUnix } from '../../controller/src/api/listen.ts'
import type { Handlers } from '../../controller/src/api/operations.ts'
import { type Api, createApi } from '../../controller/src/api/server.ts'
import { openLog } from '../../controller/src/log.ts'
import { readOrMakeSecret } from '../../controller/src/secret.ts'
import { call } from '../support/http.ts'

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'weft-edges-'))
const log = openLog('silent')
const servers: net.Server[] = []
let count = 0
const file = () => path.join(folder, `f${count++}`)
const refusal = async (work: () => unknown) => {
  try {
    await work()
  } catch (error) {
    return WeftError.from(error)
  }
  throw new Error('not refused')
}
const server = () => {
  const made = http.createServer((_, response) => void response.end('ok'))
  servers.push(made)
  return made
}

afterEach(() => {
  for (const made of servers.splice(0)) made.close()
})
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }))

describe('the unix socket', () => {
  it('is for its owner alone from its first moment, in a folder that is made', async () => {
    const socket = path.join(file(), 'run/controller.sock')
    const before = process.umask()
    await listenUnix(server(), socket)
    expect(fs.statSync(socket).mode & 0o777).toBe(0o600)
    expect(process.umask()).toBe(before)
    expect((await call({ socketPath: socket }, 'GET', '/')).text).toBe('ok')
  })

  it('replaces one that a killed process left', async () => {
    const socket = file()
    const left = net.createServer().listen(socket)
    await new Promise((resolve) => left.once('listening', resolve))
    // What SIGKILL leaves: the file stays, nobody listens. close() would remove the file.
    fs.linkSync(socket, `${socket}.kept`)
    await new Promise((resolve) => left.close(resolve))
    fs.renameSync(`${socket}.kept`, socket)
    await listenUnix(server(), socket)
    expect((await call({ socketPath: socket }, 'GET', '/')).text).toBe('ok')
  })

  it('leaves alone one that somebody listens on, and a file that is none', async () => {
    const socket = file()
    await listenUnix(server(), socket)
    expect((await refusal(() => listenUnix(server(), socket))).message).toContain('another controller listens')
    expect((await call({ socketPath: socket }, 'GET', '/')).text).toBe('ok')
    const plain = file()
    fs.writeFileSync(plain, 'precious')
    expect((await refusal(() => listenUnix(server(), plain))).code).toBe('conflict')
    expect(fs.readFileSync(plain, 'utf8')).toBe('precious')
  })
})

describe('the TCP address', () => {
  it('is told with its port, and refused by name when it is taken or not ours', async () => {
    const bound = await listenTcp(server(), { host: '127.0.0.1', port: 0 })
    expect(bound.port).toBeGreaterThan(0)
    expect((await refusal(() => listenTcp(server(), bound))).message).toContain(`127.0.0.1:${bound.port}`)
    expect((await refusal(() => listenTcp(server(), { host: '192.0.2.1', port: 1 }))).code).toBe('unavailable')
  })
})

describe('the secret file', () => {
  const secret = () => 'a'.repeat(40)

  it('is made for its owner alone, once', () => {
    const made = path.join(file(), 'secret')
    expect(readOrMakeSecret(made, secret)).toBe(secret())
    expect(fs.statSync(made).mode & 0o777).toBe(0o600)
    expect(readOrMakeSecret(made, () => 'b'.repeat(40))).toBe(secret())
    expect(fs.readdirSync(path.dirname(made))).toEqual(['secret'])
  })

  it('is refused when others may read it, or when it would need quoting', async () => {
    const open = file()
    fs.writeFileSync(open, secret(), { mode: 0o644 })
    expect((await refusal(() => readOrMakeSecret(open, secret))).message).toContain(`chmod 600 ${open}`)
    for (const text of ['', 'short', 'with "quotes" and spaces', '$2a$11$bcryptlookalike', 'x'.repeat(300)]) {
      const bad = file()
      fs.writeFileSync(bad, text, { mode: 0o600 })
      expect((await refusal(() => readOrMakeSecret(bad, secret))).code).toBe('invalid')
    }
  })
})

describe('the agents’ door', () => {
  const unused = async () => {
    throw new Error('not asked here')
  }
  const handlers = (report: AgentHandlers['report']): AgentHandlers => ({
    join: unused,
    status: unused,
    resync: unused,
    claim: unused,
    bind: unused,
    release: unused,
    report,
  })
  const body = JSON.stringify({ epoch: 1, instance: 'i', complete: true, endpoints: [] })

  it('refuses what is more than it can hold, and goes on', async () => {
    let go = () => {}
    const gate = new Promise<void>((resolve) => {
      go = resolve
    })
    const report: AgentHandlers['report'] = async () => {
      await gate
      return { unknown: [] }
    }
    const door = createAgentDoor({ handlers: handlers(report), log, mostUnderWay: 10 })
    const answers = Promise.all(Array.from({ length: 25 }, () => door('docker1', 'report', body)))
    go()
    const codes = (await answers).map((text) => JSON.parse(text).error?.code ?? 'ok')
    expect(codes.filter((code) => code === 'ok')).toHaveLength(10)
    expect(codes.filter((code) => code === 'unavailable')).toHaveLength(15)
    expect(JSON.parse(await door('docker1', 'report', body))).toEqual({ ok: { unknown: [] } })
  })

  it('answers a defect as an internal error', async () => {
    const report: AgentHandlers['report'] = () => {
      throw new TypeError('defect')
    }
    const door = createAgentDoor({ handlers: handlers(report), log, mostUnderWay: 10 })
    expect(JSON.parse(await door('docker1', 'report', body)).error).toMatchObject({ code: 'internal', why: 'defect' })
    for (const verb of ['__proto__', 'constructor', 'toString', ''])
      expect(JSON.parse(await door('docker1', verb, body)).error.code).toBe('not_found')
    const deep = `${'['.repeat(50_000)}${']'.repeat(50_000)}`
    expect(JSON.parse(await door('docker1', 'report', deep)).error.code).toBe('invalid')
  })
})

describe('closing the API', () => {
  let api: Api

  const open = async (networkList: Handlers['networkList']) => {
    // The other operations are never asked for here.
    const handlers = {
      networkList,
      async *events(_: unknown, { signal }: { signal: AbortSignal }) {
        await new Promise((resolve) => signal.addEventListener('abort', resolve))
      },
    } as unknown as Handlers
    api = createApi({ handlers, agent: async () => '{}', secret: 'unused', log })
    const socketPath = file()
    await api.listenUnix(socketPath)
    return { socketPath }
  }

  it('lets a request finish, ends a stream, and takes no more', async () => {
    let started = () => {}
    const underWay = new Promise<void>((resolve) => {
      started = resolve
    })
    const target = await open(async () => {
      started()
      await new Promise((resolve) => setTimeout(resolve, 200))
      return { reply: [], revision: 7 }
    })
    const [request, stream] = [call(target, 'GET', '/v1/networks'), call(target, 'GET', '/v1/events')]
    await underWay
    await new Promise((resolve) => setTimeout(resolve, 50))
    const closed = api.close(3_000)
    expect((await request).headers['x-weft-revision']).toBe('7')
    expect((await stream).text).toBe('')
    await closed
    await expect(call(target, 'GET', '/v1/networks')).rejects.toThrow()
  })

  it('cuts off what takes too long', async () => {
    const target = await open(() => new Promise(() => {}))
    const request = call(target, 'GET', '/v1/networks').then(
      () => 'answered',
      () => 'cut off',
    )
    await new Promise((resolve) => setTimeout(resolve, 50))
    const began = performance.now()
    await api.close(200)
    expect(await request).toBe('cut off')
    expect(performance.now() - began).toBeLessThan(2_000)
  })
})
