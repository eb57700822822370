/** Setting up and joining over real TLS: who is let in, who is refused, and by what words. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import http from 'node:http'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import tls from 'node:tls'
import { decodeJoinString, encodeJoinString, type JoinInfo } from '@weft/shared'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createHttpLink } from '../../agent/src/bus/http-link.ts'
import { ensureAuthority } from '../../cli/src/setup/authority.ts'
import { setUpController } from '../../cli/src/setup/controller-setup.ts'
import { checkIdFree, chooseUnderlay, dockerVersion, reachController } from '../../cli/src/setup/preflight.ts'
import { connectNats } from '../../controller/src/bus/index.ts'
import { freePort } from '../../controller/src/embedded/index.ts'
import { TestAgent } from '../support/agent.ts'
import { runWeft } from './cli-process.ts'

const MAIN = path.join(import.meta.dirname, '../../controller/src/main.ts')

let folder: string
let config: string
let api: string
let nats: string
let child: ChildProcess
let info: JoinInfo
let init: (...more: string[]) => ReturnType<typeof runWeft>
const file = (name: string) => path.join(folder, name)
const read = (name: string) => fs.readFileSync(file(name), 'utf8')

beforeAll(async () => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'weft-join-'))
  config = file('etc/controller.json')
  const ports = await Promise.all([freePort(), freePort()])
  api = `127.0.0.1:${ports[0]}`
  nats = `127.0.0.1:${ports[1]}`
  init = async (...more) =>
    await runWeft(['controller', 'init', '--config', config, '--data', file('data'), ...more], {})
  const first = await init('--listen', api, '--nats-listen', nats, '--no-start')
  expect(first).toMatchObject({ exit: 0, stderr: expect.stringContaining(`weft controller --config ${config}`) })
  info = decodeJoinString(/WEFT1-\S+/.exec(first.stdout)?.[0] ?? '')
  child = await startController(config, 'run')
})

afterAll(async () => {
  child.kill()
  await once(child, 'exit')
  fs.rmSync(folder, { recursive: true })
})

async function startController(from: string, run: string): Promise<ChildProcess> {
  const flags = ['--config', from, '--socket', file(`${run}.sock`), '--run-dir', file(run)]
  const started = spawn(process.execPath, ['--conditions=source', MAIN, ...flags], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { PATH: process.env.PATH },
  })
  let log = ''
  await new Promise<void>((resolve, reject) => {
    started.stderr.setEncoding('utf8').on('data', (text: string) => {
      log += text
      if (log.includes('"msg":"ready"')) resolve()
    })
    started.once('exit', (code) => reject(new Error(`controller ended with ${code}: ${log}`)))
  })
  return started
}

const openssl = (...args: string[]) => {
  try {
    return execFileSync('openssl', args, { encoding: 'utf8', input: '', stdio: 'pipe' })
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string }
    return `failed: ${stdout}${stderr}`
  }
}

describe('weft controller init', () => {
  it('leaves files that only root reads', () => {
    const files = [
      'etc/controller.json',
      'data/secret',
      'data/tls/ca.key',
      'data/tls/server.key',
      'data/tls/server.crt',
    ]
    for (const name of files) expect(fs.statSync(file(name)).mode & 0o777, name).toBe(0o600)
    expect(fs.statSync(file('data')).mode & 0o777).toBe(0o700)
    expect(JSON.parse(read('etc/controller.json'))).toMatchObject({ embedded: true, listen: api, 'nats-listen': nats })
    expect(info).toMatchObject({ controllers: [api], nats: [nats], secret: read('data/secret').trim() })
  })

  it('changes nothing the second time, and prints the string again', async () => {
    const before = ['etc/controller.json', 'data/secret', 'data/tls/ca.crt', 'data/tls/server.crt'].map(read)
    const second = await init('--no-start')
    expect(second).toMatchObject({ exit: 0, stdout: expect.stringContaining(encodeJoinString(info)) })
    expect(second.stderr).toContain('set up already')
    expect(['etc/controller.json', 'data/secret', 'data/tls/ca.crt', 'data/tls/server.crt'].map(read)).toEqual(before)
  })

  it('refuses to become another controller, and writes nothing', async () => {
    const before = read('etc/controller.json')
    const other = await init('--listen', '127.0.0.1:1', '--no-start')
    expect(other).toMatchObject({ exit: 4, stdout: '' })
    expect(other.stderr).toMatch(/set up already.*\n.*listens on 127\.0\.0\.1:\d+, and --listen says 127\.0\.0\.1:1/)
    expect(read('etc/controller.json')).toBe(before)
  })

  it('sees before it writes that somebody has the port', async () => {
    const elsewhere = ['--config', file('other/controller.json'), '--data', file('other/data')]
    const taken = await runWeft(['controller', 'init', ...elsewhere, '--listen', api, '--no-start'], {})
    expect(taken).toMatchObject({ exit: 4, stderr: expect.stringMatching(/address in use: 127\.0\.0\.1/) })
    expect(fs.existsSync(file('other'))).toBe(false)
  })

  it.each([
    [['--listen', '7474'], 'HOST:PORT'],
    [['--listen', '010.0.0.1:7474'], '010.0.0.1'],
    [['--listen', '127.0.0.1:0'], 'port 0'],
    [['--listen', 'a_b:7474'], 'DNS name'],
    [['--nats-listen', '[::1:4222'], '--nats-listen'],
    [['--listne', '127.0.0.1:1'], '--listen'],
  ])('refuses %j', async (flags, words) => {
    const fresh = ['--config', file('fresh/c.json'), '--data', file('fresh')]
    const ended = await runWeft(['controller', 'init', ...fresh, '--no-start', ...flags], {})
    expect(ended).toMatchObject({ exit: 2, stderr: expect.stringContaining(words) })
    expect(fs.existsSync(file('fresh'))).toBe(false)
  })

  it('gives the string alone, or into a file for root', async () => {
    const alone = await runWeft(['controller', 'join-string', '--config', config], {})
    expect(alone).toEqual({ exit: 0, stdout: `${encodeJoinString(info)}\n`, stderr: '' })
    await runWeft(['controller', 'join-string', '--config', config, '--out', file('join.txt')], {})
    expect(read('join.txt')).toBe(alone.stdout)
    expect(fs.statSync(file('join.txt')).mode & 0o777).toBe(0o600)
    const none = await runWeft(['controller', 'join-string', '--config', file('none.json')], {})
    expect(none).toMatchObject({ exit: 3, stderr: expect.stringContaining('weft controller init') })
  })
})

describe('the API over TLS', () => {
  it('stands before openssl with our CA, and with no other', () => {
    const ask = (ca: string, ...more: string[]) =>
      openssl('s_client', '-connect', api, '-CAfile', ca, '-verify_return_error', '-brief', ...more)
    expect(ask(file('data/tls/ca.crt'), '-verify_ip', '127.0.0.1')).not.toContain('failed')
    const other = ensureAuthority(file('other-ca'), ['127.0.0.1'], new Date())
    expect(ask(other.caFile)).toContain('failed')
    expect(ask(file('data/tls/ca.crt'), '-verify_ip', '192.0.2.1')).toContain('failed')
    expect(ask(file('data/tls/ca.crt'), '-tls1_1')).toContain('failed')
  })

  it('has no answer for plain HTTP', async () => {
    const answer = new Promise((resolve) => {
      const request = http.get(`http://${api}/v1/version`, { headers: { authorization: `Bearer ${info.secret}` } })
      request.on('response', (response) => resolve(response.statusCode))
      request.on('error', (error: NodeJS.ErrnoException) => resolve(error.code))
    })
    expect(await answer).toMatch(/ECONNRESET|HPE_INVALID|EPIPE/)
  })

  it('is reached by weft with --ca or WEFT_CA, and not without', async () => {
    const where = ['--controller', `https://${api}`, '--secret-file', file('data/secret')]
    const ca = file('data/tls/ca.crt')
    expect(await runWeft(['status', ...where, '--ca', ca], {})).toMatchObject({ exit: 0 })
    expect(await runWeft(['status', ...where], { WEFT_CA: ca })).toMatchObject({ exit: 0 })
    const without = await runWeft(['status', ...where], {})
    expect(without).toMatchObject({
      exit: 5,
      stdout: '',
      stderr: expect.stringMatching(/not known here.*\n.*--ca FILE/),
    })
    fs.writeFileSync(file('wrong'), `${'x'.repeat(40)}\n`)
    const denied = await runWeft(
      ['status', '--controller', `https://${api}`, '--ca', ca, '--secret-file', file('wrong')],
      {},
    )
    expect(denied).toMatchObject({ exit: 5, stderr: expect.stringContaining('the secret is another one') })
    const clear = await runWeft(['status', '--controller', `http://${api}`, '--secret-file', file('data/secret')], {})
    expect(clear).toMatchObject({ exit: 6, stdout: '' })
  })

  it('serves an agent that has the CA, and one without it hears nothing', async () => {
    const ask = async (ca: string | undefined) =>
      await createHttpLink({ controllers: [`https://${api}`], host: 'docker9', secret: info.secret, ca })(
        'status',
        '{}',
        3_000,
      )
    expect(await ask(read('data/tls/ca.crt'))).toContain('"code":"invalid"')
    await expect(ask(undefined)).rejects.toThrow(/certificate/)
    const other = ensureAuthority(file('other-ca'), ['127.0.0.1'], new Date())
    await expect(ask(fs.readFileSync(other.caFile, 'utf8'))).rejects.toThrow(/certificate/)
  })
})

describe('NATS over TLS', () => {
  const connect = async (ca: string | undefined, server = `tls://${nats}`, password = info.secret) =>
    await connectNats(
      { servers: [server], user: 'weft', password, name: 'test', onNotice: () => {}, ...(ca ? { ca } : {}) },
      AbortSignal.timeout(2_000),
    )

  it('takes who verifies it, and nobody gets through in clear', async () => {
    const bus = await connect(read('data/tls/ca.crt'))
    await bus.flush()
    await bus.close()
    // The greeting is in clear; whoever goes on in clear is dropped before he can show a password.
    const said = await new Promise<string>((resolve) => {
      const [host = '', port] = nats.split(':')
      const socket = net.connect(Number(port), host, () => {
        socket.write(`CONNECT {"user":"weft","pass":"${info.secret}","verbose":true}\r\nPING\r\n`)
      })
      let text = ''
      socket.on('data', (chunk) => {
        text += chunk
      })
      socket.on('error', () => {})
      socket.on('close', () => resolve(text))
    })
    expect(said).toContain('"tls_required":true')
    expect(said).not.toMatch(/PONG|\+OK/)
  })

  it('is refused by a client with another CA, or with none', async () => {
    const other = ensureAuthority(file('other-ca'), ['127.0.0.1'], new Date())
    await expect(connect(fs.readFileSync(other.caFile, 'utf8'))).rejects.toThrow()
    await expect(connect(undefined)).rejects.toThrow()
  })

  it('denies a wrong secret', async () => {
    await expect(connect(read('data/tls/ca.crt'), `tls://${nats}`, 'x'.repeat(40))).rejects.toThrow(/refuses the user/)
  })

  it('is not believed when its certificate of our CA is for another address', async () => {
    const cert = ensureAuthority(file('elsewhere'), ['192.0.2.77', 'localhost'], new Date())
    const impostor = net.createServer((socket) => {
      socket.on('error', () => {})
      socket.write('INFO {"server_id":"x","version":"2.9.10","proto":1,"max_payload":1048576,"tls_required":true}\r\n')
      const secure = new tls.TLSSocket(socket, {
        isServer: true,
        cert: fs.readFileSync(cert.certFile),
        key: fs.readFileSync(cert.keyFile),
      })
      secure.on('error', () => {})
      secure.on('data', (chunk) => heard.push(String(chunk)))
    })
    const heard: string[] = []
    await new Promise<void>((resolve) => impostor.listen(0, '127.0.0.1', resolve))
    const { port } = impostor.address() as net.AddressInfo
    const ca = fs.readFileSync(cert.caFile, 'utf8')
    await expect(connect(ca, `tls://127.0.0.1:${port}`)).rejects.toThrow()
    expect(heard.join('')).not.toContain(info.secret)
    impostor.close()
  })
})

describe('weft join', () => {
  const join = (text: string, ...more: string[]) =>
    runWeft(['join', text, '--config', file('agent.json'), '--docker', file('no-docker.sock'), ...more], {})

  it('notices a mangled string before it does anything', async () => {
    const text = encodeJoinString(info)
    const mangled = await join(`${text.slice(0, 40)}x${text.slice(41)}`)
    expect(mangled).toMatchObject({ exit: 2, stdout: '', stderr: expect.stringContaining('checksum') })
    expect(mangled.stderr).not.toContain(info.secret)
    expect(await join(text.slice(0, -12))).toMatchObject({ exit: 2, stderr: expect.stringContaining('join-string') })
    expect(await join('hello')).toMatchObject({ exit: 2, stderr: expect.stringContaining('WEFT1-') })
  })

  it('says what a host without Docker lacks, and leaves nothing behind', async () => {
    const text = encodeJoinString(info)
    const ended = await join(text, '--id', 'docker1')
    expect(ended).toMatchObject({
      exit: 6,
      stderr: expect.stringMatching(/Docker does not answer.*\n.*ENOENT.*\n.*docker\.io/),
    })
    expect(fs.existsSync(file('agent.json'))).toBe(false)
    expect(await join(text, '--id', 'Docker_1')).toMatchObject({ exit: 2, stderr: expect.stringContaining('--id') })
    await expect(dockerVersion(file('no-docker.sock'))).rejects.toThrow(/apt-get install docker\.io/)
  })

  it('reaches the controller of the pinned CA, and sends the secret to nobody else', async () => {
    const reached = await reachController(info)
    expect(reached).toMatchObject({ controller: api, version: expect.stringMatching(/^\d/) })
    expect(reached.ca).toBe(read('data/tls/ca.crt'))
    await expect(reachController({ ...info, caPin: 'ab'.repeat(32) })).rejects.toThrow(
      /another cluster.*pins the CA ab/s,
    )
    await expect(reachController({ ...info, secret: 'x'.repeat(40) })).rejects.toThrow(
      /\[denied\].*the secret is another/,
    )
  })

  it('names every controller that it tried', async () => {
    const dead = `127.0.0.1:${await freePort()}`
    await expect(reachController({ ...info, controllers: [dead] })).rejects.toThrow(
      /no controller answers.*ECONNREFUSED/,
    )
    await expect(reachController({ ...info, controllers: [dead, dead] })).rejects.toThrow(/can be joined/)
    expect(await reachController({ ...info, controllers: [dead, api] })).toMatchObject({ controller: api })
    const plain = http.createServer((_, response) => response.end('hello'))
    await new Promise<void>((resolve) => plain.listen(0, '127.0.0.1', resolve))
    const { port } = plain.address() as net.AddressInfo
    const asked = reachController({ ...info, controllers: [`127.0.0.1:${port}`] })
    await expect(asked).rejects.toThrow(/no controller answers/)
    plain.close()
  })

  it('tells a controller of the pinned CA whose certificate is for another address', async () => {
    const setup = { config: file('moved/c.json'), data: file('moved/data') }
    const [port, natsPort] = await Promise.all([freePort(), freePort()])
    const listen = { host: '127.0.0.1', port }
    setUpController({ ...setup, listen, natsListen: { host: '127.0.0.1', port: natsPort } }, new Date())
    const moved = await startController(setup.config, 'moved-run')
    const pin = ensureAuthority(file('moved/data/tls'), [], new Date()).caPin
    const secret = read('moved/data/secret').trim()
    // 127.0.0.2 leads there as well, and is not in the certificate; the server listens on .1 only, so a proxy carries it.
    const proxy = net.createServer((socket) => {
      const onward = net.connect(port, '127.0.0.1')
      for (const end of [socket, onward]) end.on('error', () => end.destroy())
      socket.pipe(onward).pipe(socket)
    })
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.2', resolve))
    const at = `127.0.0.2:${(proxy.address() as net.AddressInfo).port}`
    const refused = reachController({ controllers: [at], nats: [at], caPin: pin, secret })
    await expect(refused).rejects.toThrow(/not who it should be.*other addresses/)
    proxy.close()
    moved.kill()
    await once(moved, 'exit')
  })

  it('refuses a name that another host has, alive or not', async () => {
    const { client } = await reachController(info)
    const bus = await connectNats({
      ...{ servers: [`tls://${nats}`], ca: read('data/tls/ca.crt'), user: 'weft', password: info.secret },
      ...{ name: 'test', onNotice: () => {} },
    })
    await new TestAgent(bus, 'docker1', '10.250.0.11').join()
    await bus.close()
    await expect(checkIdFree(client, 'docker1', { joined: false })).rejects.toThrow(
      /name is taken: docker1.*10\.250\.0\.11.*--id/,
    )
    await checkIdFree(client, 'docker1', { joined: true })
    await checkIdFree(client, 'docker2', { joined: false })
  })

  it('takes an underlay that this machine has', async () => {
    const own = Object.entries(os.networkInterfaces()).flatMap(([link, infos = []]) =>
      infos.filter((each) => !each.internal && each.family === 'IPv4').map(({ address }) => ({ link, address })),
    )[0]
    if (own === undefined) throw new Error('this machine has no interface but loopback')
    expect(await chooseUnderlay(own.link, api)).toEqual({ underlay: own.link, address: own.address })
    expect(await chooseUnderlay(own.address, api)).toEqual({
      underlay: own.link,
      vtep: own.address,
      address: own.address,
    })
    expect(await chooseUnderlay(undefined, `${own.address}:1`)).toEqual({ underlay: own.link, address: own.address })
    await expect(chooseUnderlay('eth77', api)).rejects.toThrow(/no underlay: eth77.*--underlay/)
    await expect(chooseUnderlay(undefined, api)).rejects.toThrow(/the way to 127/)
  })
})
