/** The agent's two ways to a controller, each over a real server, through one suite; and the choice between them. */
import fs from 'node:fs'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { agentSubject, parseAgentSubject, WeftError } from '@weft/shared'
import { describe, expect, it } from 'vitest'
import { createController } from '../../agent/src/bus/controller.ts'
import { createHttpLink } from '../../agent/src/bus/http-link.ts'
import { NatsLink } from '../../agent/src/bus/nats-link.ts'
import { connectNats } from '../../controller/src/bus/index.ts'
import { type Embedded, freePort, startEmbedded } from '../../controller/src/embedded/index.ts'
import { openLog } from '../../controller/src/log.ts'
import { CARRIER_HOST, type CarrierUnderTest, carrierConformance } from '../conformance/carrier.ts'
import { eventually } from '../support/lab.ts'
import { QUIET } from '../support/plugin.ts'

const SECRET = 'a-secret-for-tests-only'
type Answer = Parameters<CarrierUnderTest['serve']>[0]

carrierConformance('HTTP', async () => {
  let answer: Answer = () => undefined
  const unauthorised: string[] = []
  const server = http.createServer((request, response) => {
    const [, , , host = '', verb = ''] = (request.url ?? '').split('/')
    if (request.headers.authorization !== `Bearer ${SECRET}`) unauthorised.push(request.url ?? '')
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => void chunks.push(chunk))
    request.on('end', () => {
      const text = answer({ host, verb, text: Buffer.concat(chunks).toString('utf8') })
      if (text !== undefined) response.end(text)
    })
  })
  const listen = (port: number) => new Promise<void>((resolve) => server.listen(port, '127.0.0.1', () => resolve()))
  await listen(0)
  const { port } = server.address() as AddressInfo
  const stop = async () => {
    server.closeAllConnections()
    if (server.listening) await new Promise((resolve) => server.close(resolve))
  }
  // The first controller of two is not there: the second one is asked.
  const controllers = [`http://127.0.0.1:${await freePort()}`, `http://127.0.0.1:${port}`]
  return {
    carry: createHttpLink({ controllers, host: CARRIER_HOST, secret: SECRET }),
    serve: (next) => {
      answer = next
    },
    vanish: stop,
    comeBack: async () => await listen(port),
    close: async () => {
      expect(unauthorised).toEqual([])
      await stop()
    },
  }
})

carrierConformance('NATS', async () => {
  let answer: Answer = () => undefined
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'weft-carrier-'))
  const port = await freePort()
  const start = async (): Promise<Embedded> =>
    await startEmbedded({
      folder,
      natsListen: { host: '127.0.0.1', port },
      user: 'weft',
      secret: SECRET,
      etcdProgram: 'etcd',
      natsProgram: 'nats-server',
      searchPath: process.env.PATH ?? '',
      log: openLog('silent'),
      parts: { etcd: false, nats: true },
    })
  let nats = await start()
  const servers = [`nats://127.0.0.1:${port}`]
  const bus = await connectNats({ servers, user: 'weft', password: SECRET, name: 'test', onNotice: () => undefined })
  bus.serve(agentSubject(CARRIER_HOST, '*'), async ({ subject, text }) => {
    const { host, verb } = parseAgentSubject(subject) ?? { host: '', verb: '' }
    return answer({ host, verb, text })
  })
  const stop = new AbortController()
  const link = new NatsLink({
    servers,
    host: CARRIER_HOST,
    secret: SECRET,
    log: QUIET,
    onIntent: () => undefined,
    onPoke: () => undefined,
    onCall: async () => undefined,
    onConnected: () => undefined,
  })
  const running = link.run(stop.signal)
  const reachable = () =>
    eventually('NATS carries', 20_000, async () => {
      answer = () => 'yes'
      return await link.request('status', '{}', 500).then(
        () => true,
        () => undefined,
      )
    })
  await reachable()
  return {
    carry: (verb, text, timeoutMs) => link.request(verb, text, timeoutMs),
    serve: (next) => {
      answer = next
    },
    vanish: async () => await nats.stop(),
    comeBack: async () => {
      nats = await start()
      await reachable()
    },
    close: async () => {
      stop.abort()
      await running
      await bus.close()
      await nats.stop()
      fs.rmSync(folder, { recursive: true })
    },
  }
})

describe('the choice of a carrier', () => {
  const asked: string[] = []
  const request = { epoch: 1, instance: 'instance1', req: 'request-1', endpoints: [] }
  const release = (nats: () => Promise<string>, budgetMs = 1_000) => {
    asked.length = 0
    const controller = createController({
      nats: async () => {
        asked.push('nats')
        return await nats()
      },
      http: async () => {
        asked.push('http')
        return '{"ok":{"released":[]}}'
      },
      log: QUIET,
    })
    return controller.ask('release', request, budgetMs)
  }

  it('is NATS while that answers', async () => {
    await release(async () => '{"ok":{"released":[]}}')
    expect(asked).toEqual(['nats'])
  })

  it.each(['unavailable', 'deadline'] as const)('is HTTP when NATS is %s', async (code) => {
    await release(async () => {
      throw new WeftError(code, { what: 'no NATS' })
    })
    expect(asked).toEqual(['nats', 'http'])
  })

  it("a controller's refusal is final, whoever carried it", async () => {
    const refusal = JSON.stringify({ error: { code: 'conflict', what: 'address is in use' } })
    await expect(release(async () => refusal)).rejects.toThrow(/address is in use/)
    expect(asked).toEqual(['nats'])
  })
})
