/** Ports opened on hosts (issue 4 point 5), by what a machine outside gets and whom the container sees. */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { execIn, findHost, startAgent, stopProgram } from '../../cli/src/lab/index.ts'
import { inspected, on, runContainer, tryOn, tryWeft, weft } from '../../cli/src/lab/scenario/check.ts'
import { eventually, useLab } from '../support/lab.ts'
import { type Outside, openOutside } from '../support/outside.ts'
import { TELLING_PORT, TELLING_SERVER, type Told } from '../support/telling-server.ts'

const BYTES = 300_000
const SHA256 = createHash('sha256').update(Buffer.alloc(BYTES, '\0')).digest('hex')

describe('published ports', () => {
  const lab = useLab('publish')
  const servers = new Map<string, { stop: AbortController; done: Promise<unknown> }>()
  let outside: Outside

  beforeAll(async () => {
    outside = await openOutside(lab())
    for (const host of ['docker1', 'docker2']) {
      for (const program of ['iptables', 'ip6tables']) await on(lab(), host, program, '-P', 'FORWARD', 'DROP')
    }
    const dual = ['--subnet', '10.71.0.0/24', '--subnet', 'fd71::/64', '--ipv6']
    await weft(lab(), 'network', 'create', ...dual, '-o', 'egress=weft', 'front')
    await weft(lab(), 'network', 'create', '--subnet', '10.72.0.0/24', 'plain')
    await run('docker1', 'web', 'front')
    await run('docker2', 'app', 'plain')
  }, 90_000)
  afterAll(async () => {
    for (const { stop, done } of servers.values()) {
      stop.abort()
      await done
    }
    await outside.close()
  })

  /** A container with a server in its namespace that tells who asks. */
  async function run(host: string, name: string, network: string, ...flags: string[]): Promise<void> {
    await runContainer(lab(), host, name, network, ...flags)
    await serve(host, name)
  }
  async function serve(host: string, name: string): Promise<void> {
    const sandbox = await on(lab(), host, 'docker', 'inspect', '-f', '{{.NetworkSettings.SandboxKey}}', name)
    const stop = new AbortController()
    const argv = ['nsenter', `--net=${sandbox}`, process.execPath, '-e', TELLING_SERVER]
    servers.set(name, { stop, done: execIn(lab(), host, argv, { signal: stop.signal }) })
    await eventually(`server in ${name}`, 10_000, async () => {
      const listens = ['nsenter', `--net=${sandbox}`, 'sh', '-c', `ss -Hltn sport = ${TELLING_PORT}`]
      return (await on(lab(), host, ...listens)) === '' ? undefined : true
    })
  }
  async function remove(host: string, name: string): Promise<void> {
    const server = servers.get(name)
    server?.stop.abort()
    await server?.done
    servers.delete(name)
    await on(lab(), host, 'docker', 'rm', '-f', name)
  }
  const host = (name: string) => findHost(lab(), name)

  /** What the container answers to somebody outside who sends BYTES; `refused` or `silent` when nobody does. */
  async function asks(address: string, port: number, patience = 3): Promise<Told | 'refused' | 'silent'> {
    const url = `http://${address.includes(':') ? `[${address}]` : address}:${port}/`
    const script = `head -c ${BYTES} /dev/zero | curl -s --globoff --max-time ${patience} --data-binary @- '${url}'; echo " $?"`
    const [answer = '', code] = (await outside.exec('sh', '-c', script)).split(/ (?=\d+$)/)
    // curl(1): 7 is a refused connection, 28 the end of its patience.
    return code === '0' ? (JSON.parse(answer) as Told) : Number(answer.trim() || code) === 7 ? 'refused' : 'silent'
  }
  const told = (from: unknown) => ({ from, bytes: BYTES, sha256: SHA256 })
  /** What runs in the container takes its time to listen. */
  async function comes(name: string, port: number, from: unknown, family: 'ipv4' | 'ipv6' = 'ipv4') {
    const answer = await eventually(`${name}:${port} answers`, 5000, async () => {
      const seen = await asks(host(name)[family], port)
      return typeof seen === 'string' ? undefined : seen
    })
    expect(answer).toEqual(told(from))
  }
  /** A connection begun before the port is shut stays unanswered: each try is short, so that the next ones are new. */
  const isRefused = (name: string, port: number) =>
    eventually(`${name}:${port} is refused`, 5000, async () =>
      (await asks(host(name).ipv4, port, 0.5)) === 'refused' ? true : undefined,
    )
  const ofFront = expect.stringMatching(/^(10\.71\.0\.|fd71::)/)
  /** Who the container says asks by UDP. */
  async function asksByUdp(address: string, port: number): Promise<string> {
    const script = `const s = require('node:dgram').createSocket('udp4')
      s.on('message', (text) => { console.log(String(text)); process.exit() }); s.send('?', ${port}, '${address}')
      setTimeout(() => process.exit(1), 3000)`
    return await outside.exec(process.execPath, '-e', script)
  }
  /** Goes on sending from one port; the first two different answers. Makes the file when it has the first. */
  async function followsByUdp(address: string, port: number, file: string): Promise<string[]> {
    const script = `const s = require('node:dgram').createSocket('udp4')
      const seen = new Set()
      s.on('message', (text) => {
        seen.add(String(text))
        require('node:fs').writeFileSync('${file}', '')
        if (seen.size > 1) { console.log([...seen].join(' ')); process.exit() }
      })
      setInterval(() => s.send('?', ${port}, '${address}'), 200)
      setTimeout(() => { console.log([...seen].join(' ')); process.exit() }, 25000)`
    return (await outside.exec(process.execPath, '-e', script)).split(' ')
  }
  const refusal = async (...args: string[]) => {
    const { code, stderr } = await tryWeft(lab(), ...args)
    expect(code).not.toBe(0)
    return stderr
  }

  it('lead to the container on its own host, which sees the client’s address, IPv4 and IPv6', async () => {
    await weft(lab(), 'publish', '--wait', 'web', `8080:${TELLING_PORT}`)
    expect(await asks(host('docker1').ipv4, 8080)).toEqual(told(outside.ipv4))
    expect(await asks(host('docker1').ipv6, 8080)).toEqual(told(outside.ipv6))
    expect(await asks(host('docker2').ipv4, 8080)).toBe('refused')
    expect(await weft(lab(), 'port', 'web', '--format', '{{.Port}} {{.Network}}')).toBe(
      `8080->${TELLING_PORT}/tcp front`,
    )
  })

  it('lead to it from every host, and from one that was named', async () => {
    await weft(lab(), 'publish', '--wait', 'web', `8081:${TELLING_PORT}`, '--all-hosts')
    await weft(lab(), 'publish', '--wait', 'web', `8082:${TELLING_PORT}`, '--host', 'docker2')
    expect(await asks(host('docker1').ipv4, 8081)).toEqual(told(outside.ipv4))
    expect(await asks(host('docker2').ipv4, 8081)).toEqual(told(ofFront))
    expect(await asks(host('docker2').ipv6, 8081)).toEqual(told(ofFront))
    expect(await asks(host('docker2').ipv4, 8082)).toEqual(told(ofFront))
    expect(await asks(host('docker1').ipv4, 8082)).toBe('refused')
  })

  it('lead to containers whose way out is Docker’s, too', async () => {
    await weft(lab(), 'publish', '--wait', 'app', `8083:${TELLING_PORT}`, '--all-hosts')
    for (const name of ['docker1', 'docker2']) {
      expect(await asks(host(name).ipv4, 8083)).toEqual(told(expect.stringMatching(/^10\.72\.0\./)))
    }
  })

  it('are UDP’s as well, and on one address when that was asked', async () => {
    await weft(lab(), 'publish', '--wait', 'web', `8084:${TELLING_PORT}/udp`, '--all-hosts')
    expect(await asksByUdp(host('docker1').ipv4, 8084)).toBe(outside.ipv4)
    expect(await asksByUdp(host('docker2').ipv4, 8084)).toMatch(/^10\.71\.0\./)
    const { ipv4, ipv6 } = host('docker1')
    await weft(lab(), 'publish', '--wait', 'web', `8085:${TELLING_PORT}`, '--ip', ipv4, '--host', 'docker1')
    expect(await asks(ipv4, 8085)).toEqual(told(outside.ipv4))
    expect(await asks(ipv6, 8085)).toBe('refused')
  })

  it('are open to the host itself, and to a container of the same network', async () => {
    const { ipv4 } = host('docker1')
    const ask = ['curl', '-s', '--max-time', '3', '-d', 'x', `http://${ipv4}:8080/`]
    expect(JSON.parse(await on(lab(), 'docker1', ...ask))).toMatchObject({ bytes: 1 })
    await runContainer(lab(), 'docker1', 'neighbour', 'front')
    expect(JSON.parse(await on(lab(), 'docker1', 'docker', 'exec', 'neighbour', ...ask))).toMatchObject({ bytes: 1 })
    await on(lab(), 'docker1', 'docker', 'rm', '-f', 'neighbour')
  })

  it('are refused by name where somebody has them, and nothing is changed', async () => {
    const before = await weft(lab(), 'port', '-q', '--no-trunc')
    expect(await refusal('publish', 'app', '8080:80', '--all-hosts')).toMatch(
      /8080\/tcp.*container web of network front/s,
    )
    await on(lab(), 'docker1', 'docker', 'run', '-d', '--name', 'own', '-p', '8090:80', 'weft/tools', 'sleep', '600')
    expect(await refusal('publish', 'web', '8090:80')).toMatch(/on docker1 container own \(docker run -p\)/)
    await on(lab(), 'docker1', 'docker', 'rm', '-f', 'own')
    const stop = new AbortController()
    const listener = execIn(
      lab(),
      'docker1',
      [process.execPath, '-e', `require('node:net').createServer().listen(8091)`],
      {
        signal: stop.signal,
      },
    )
    await eventually('listener', 5000, async () =>
      (await on(lab(), 'docker1', 'ss', '-Hltn', 'sport = 8091')) === '' ? undefined : true,
    )
    expect(await refusal('publish', 'web', '8091:80')).toMatch(/on docker1 process \S+ \(pid \d+\) has it/)
    stop.abort()
    await listener
    expect(await refusal('publish', 'web', '8092:80', '--ip', '192.0.2.99')).toContain('192.0.2.99')
    expect(await refusal('publish', 'web', '8092:80', '--host', 'docker9')).toContain('docker9')
    expect(await refusal('publish', 'nobody', '8092:80')).toContain('nobody')
    expect(await refusal('publish', 'web', '8092')).toContain('HOSTPORT:PORT')
    expect(await weft(lab(), 'port', '-q', '--no-trunc')).toBe(before)
  })

  it('become a problem of the host, by name, when a process takes one later', async () => {
    const stop = new AbortController()
    const script = `require('node:net').createServer((s) => s.end()).listen(8099)`
    await weft(lab(), 'publish', 'later', '8099:80', '--network', 'front', '--host', 'docker1')
    const listener = execIn(lab(), 'docker1', [process.execPath, '-e', script], { signal: stop.signal })
    const named = /publication 8099->80\/tcp of container later is not open: process/
    await eventually('the problem is told', 20_000, async () =>
      named.test(await weft(lab(), 'status', '--format', 'json')) ? true : undefined,
    )
    stop.abort()
    await listener
    await weft(lab(), 'unpublish', '--wait', 'later')
  }, 60_000)

  it('follow the name: refused while it is gone, there again when it is back, on any host', async () => {
    const began = path.join(host('docker1').folder, 'flow')
    const flow = followsByUdp(host('docker1').ipv4, 8084, began)
    await eventually('the flow is under way', 10_000, async () => (existsSync(began) ? true : undefined))
    await remove('docker1', 'web')
    for (const name of ['docker1', 'docker2']) await isRefused(name, 8081)
    await run('docker2', 'web', 'front')
    await comes('docker2', 8080, outside.ipv4)
    await comes('docker2', 8081, outside.ipv4)
    await comes('docker1', 8081, ofFront)
    expect(await flow).toEqual([outside.ipv4, expect.stringMatching(/^10\.71\.0\./)])
    expect(await asks(host('docker1').ipv4, 8080)).toBe('refused')
  })

  it('are what docker run -p asks for: by Docker where it can, shown in docker ps, else by Weft', async () => {
    await run('docker1', 'p-plain', 'plain', '-p', `8100:${TELLING_PORT}`)
    expect(await asks(host('docker1').ipv4, 8100)).toMatchObject({ bytes: BYTES, sha256: SHA256 })
    const ports = ['docker', 'ps', '--filter', 'name=p-plain', '--format', '{{.Ports}}']
    expect(await on(lab(), 'docker1', ...ports)).toContain(`8100->${TELLING_PORT}/tcp`)
    await run('docker1', 'p-front', 'front', '-p', `8101:${TELLING_PORT}`, '-p', `8101:${TELLING_PORT}/udp`)
    // As soon as docker run has returned, whether the container listens by then or not.
    expect(await on(lab(), 'docker1', 'nft', 'list', 'table', 'inet', 'weft_publish')).toContain(' 8101 ')
    await comes('docker1', 8101, outside.ipv4)
    await comes('docker1', 8101, outside.ipv6, 'ipv6')
    expect(await asksByUdp(host('docker1').ipv4, 8101)).toBe(outside.ipv4)
    const listed = ['endpoint', 'ls', '-f', 'name=p-front', '--format', '{{.Ports}}']
    await eventually('weft endpoint ls shows them', 5000, async () =>
      (await weft(lab(), ...listed)) === `8101->${TELLING_PORT}/tcp, 8101->${TELLING_PORT}/udp` ? true : undefined,
    )
    const second = ['docker', 'run', '--rm', '--network', 'front', '-p', '8101:80', 'weft/tools', 'true']
    const { code, stderr } = await tryOn(lab(), 'docker1', ...second)
    expect(code).not.toBe(0)
    expect(stderr).toMatch(/8101\/tcp: container p-front/)
    await weft(lab(), 'network', 'create', '--ipv4=false', '--subnet', 'fd73::/64', '-o', 'egress=weft', 'six')
    await run('docker1', 'p-six', 'six', '-p', `8102:${TELLING_PORT}`)
    await comes('docker1', 8102, outside.ipv6, 'ipv6')
    expect(await asks(host('docker1').ipv4, 8102)).toBe('refused')
    await remove('docker1', 'p-six')
    await remove('docker1', 'p-plain')
    await remove('docker1', 'p-front')
    await isRefused('docker1', 8101)
  })

  it('are there again after a boot: without tables, rules and agent before', async () => {
    const { IPAddress } = await inspected(lab(), 'docker2', 'web', 'front')
    expect(IPAddress).toMatch(/^10\.71\.0\./)
    await stopProgram(host('docker2'), 'SIGKILL')
    await on(lab(), 'docker2', 'nft', 'delete', 'table', 'inet', 'weft_publish')
    await on(lab(), 'docker2', 'nft', 'delete', 'table', 'inet', 'weft_gateway')
    await on(lab(), 'docker2', 'iptables', '-F', 'FORWARD')
    expect(await asks(host('docker2').ipv4, 8081)).toBe('refused')
    await startAgent(lab().layout, host('docker2'))
    await eventually('open again', 8000, async () =>
      typeof (await asks(host('docker2').ipv4, 8081)) === 'string' ? undefined : true,
    )
    expect(await asks(host('docker2').ipv4, 8081)).toEqual(told(outside.ipv4))
  })

  it('are closed by unpublish, one or all, and the hosts’ own addresses go', async () => {
    await weft(lab(), 'unpublish', '--wait', 'web', '8080/tcp')
    expect(await asks(host('docker2').ipv4, 8080)).toBe('refused')
    expect(await asks(host('docker2').ipv4, 8081)).toEqual(told(outside.ipv4))
    await weft(lab(), 'unpublish', '--wait', 'web')
    await weft(lab(), 'unpublish', '--wait', 'app')
    for (const name of ['docker1', 'docker2']) {
      expect(await asks(host(name).ipv4, 8081)).toBe('refused')
      const left = 'ip -br link | grep wfs; nft list tables | grep weft_publish'
      await eventually(`nothing is left on ${name}`, 5000, async () =>
        (await tryOn(lab(), name, 'sh', '-c', left)).stdout === '' ? true : undefined,
      )
    }
  })
})
