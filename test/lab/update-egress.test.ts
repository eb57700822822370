/** The way out of living networks (issue 4 point 14): what running containers reach, and who reaches them, after each change. */
import { existsSync, readFileSync, rmSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { execIn, findHost, startAgent, startDockerd, stopDockerd, stopProgram } from '../../cli/src/lab/index.ts'
import { inspected, on, runContainer, tryOn, tryWeft, weft } from '../../cli/src/lab/scenario/check.ts'
import { eventually, useLab } from '../support/lab.ts'
import { type Outside, openOutside } from '../support/outside.ts'
import { TELLING_PORT, TELLING_SERVER, type Told } from '../support/telling-server.ts'

/** How soon hosts follow (DESIGN), and patience for a busy machine. */
const WITHIN_MS = 10_000
const NOWHERE = { ipv4: undefined, ipv6: undefined }

describe('network update of the way out', () => {
  const lab = useLab('wayout')
  const servers: { stop: AbortController; done: Promise<unknown> }[] = []
  let outside: Outside

  beforeAll(async () => {
    outside = await openOutside(lab())
    for (const host of ['docker1', 'docker2']) {
      for (const program of ['iptables', 'ip6tables']) await on(lab(), host, program, '-P', 'FORWARD', 'DROP')
    }
    await weft(lab(), 'network', 'create', '--subnet', '10.91.0.0/24', '--subnet', 'fd91::/64', '--ipv6', 'moves')
    await runContainer(lab(), 'docker1', 'one', 'moves', '--cap-add', 'NET_ADMIN', '-p', `18091:${TELLING_PORT}`)
    await runContainer(lab(), 'docker2', 'two', 'moves', '--cap-add', 'NET_ADMIN')
    await serve('docker1', 'one')
  }, 120_000)
  afterAll(async () => {
    for (const { stop, done } of servers) {
      stop.abort()
      await done
    }
    await outside.close()
  })

  const exec = (host: string, name: string, ...argv: string[]) => tryOn(lab(), host, 'docker', 'exec', name, ...argv)
  const sandboxOf = (host: string, name: string) =>
    on(lab(), host, 'docker', 'inspect', '-f', '{{.NetworkSettings.SandboxKey}}', name)
  /** A server in the container's namespace that tells who asks. */
  async function serve(host: string, name: string): Promise<void> {
    const there = ['nsenter', `--net=${await sandboxOf(host, name)}`]
    const stop = new AbortController()
    const argv = [...there, process.execPath, '-e', TELLING_SERVER]
    servers.push({ stop, done: execIn(lab(), host, argv, { signal: stop.signal }) })
    await eventually(`server in ${name}`, WITHIN_MS, async () =>
      (await on(lab(), host, ...there, 'sh', '-c', `ss -Hltn sport = ${TELLING_PORT}`)) === '' ? undefined : true,
    )
  }
  /** As whom the machine outside sees the container, by family; undefined where nothing comes back. */
  async function seenAs(host: string, name: string) {
    const ask = async (address: string) => {
      const { code, stdout } = await exec(host, name, 'curl', '-sg', '-m', '2', `http://${address}:${TELLING_PORT}/`)
      return code === 0 ? (JSON.parse(stdout) as Told).from : undefined
    }
    const [ipv4, ipv6] = await Promise.all([ask(outside.ipv4), ask(`[${outside.ipv6}]`)])
    return { ipv4, ipv6 }
  }
  const ofHost = (name: string) => {
    const { ipv4, ipv6 } = findHost(lab(), name)
    return { ipv4, ipv6 }
  }
  /** Whom the container on the published port sees; undefined when nobody answers. */
  async function askedOn(host: string, port: number): Promise<string | undefined> {
    const url = `http://${findHost(lab(), host).ipv4}:${port}/`
    const answer = await outside.exec('sh', '-c', `curl -s -m 2 ${url} || true`)
    return answer === '' ? undefined : (JSON.parse(answer) as Told).from
  }
  /** Updates and waits for the hosts while one pings two, of which no packet is to be lost; what it warned of. */
  async function update(network: string, ...args: string[]): Promise<string> {
    const { IPAddress } = await inspected(lab(), 'docker2', 'two', 'moves')
    const flow = exec('docker1', 'one', 'ping', '-c', '40', '-i', '0.05', '-W', '2', IPAddress)
    const { code, stderr } = await tryWeft(lab(), 'network', 'update', '--wait', ...args, network)
    expect({ code, stderr }).toMatchObject({ code: 0 })
    expect((await flow).stdout).toContain(' 0% packet loss')
    return stderr
  }
  const defaults = async (host: string, name: string) => {
    const { stdout } = await exec(host, name, 'sh', '-c', 'ip route show default; ip -6 route show default')
    return stdout.trim()
  }
  const follows = (what: string, wanted: unknown, look: () => Promise<unknown>) =>
    eventually(what, WITHIN_MS, async () =>
      JSON.stringify(await look()) === JSON.stringify(wanted) ? true : undefined,
    )
  const lagging = () => weft(lab(), 'endpoint', 'ls', '-f', 'network=moves', '--format', '{{.Name}}:{{.Egress}}')

  it('tries: says what changes, on which hosts, and what it costs whom', async () => {
    const { stdout, stderr } = await tryWeft(lab(), 'network', 'update', '--dry-run', '-o', 'egress=weft', 'moves')
    expect(stdout.trim().split('\n')).toEqual([
      'option egress: (none) -> weft',
      'egress: docker -> weft',
      '  on host docker1 (1 endpoint)',
      '  on host docker2 (1 endpoint)',
    ])
    expect(stderr).toContain('lose the connections that they have open to the outside: one on docker1; two on docker2')
    expect(stderr).toContain('keep ports that Docker opened')
    expect(await seenAs('docker1', 'one')).toEqual({ ipv4: findHost(lab(), 'docker1').ipv4, ipv6: undefined })
    expect(await defaults('docker1', 'one')).toMatch(/^default via 172\.\S+ dev eth1\s*$/)
  })

  it('docker -> weft: goes out by Weft’s gateway, IPv6 too, and is still asked on the port that Docker opened', async () => {
    expect(await askedOn('docker1', 18091)).toBe(outside.ipv4)
    await update('moves', '-o', 'egress=weft')
    for (const [host, name] of PLACES) {
      expect(await seenAs(host, name)).toEqual(ofHost(host))
      expect(await defaults(host, name)).toMatch(/^default via 10\.91\.0\.1 dev eth0 .*\ndefault via fd91::1 dev eth0/)
    }
    // By the host's own address on Docker's bridge: the answer would take the new way otherwise.
    expect(await askedOn('docker1', 18091)).toMatch(/^172\./)
    await runContainer(lab(), 'docker1', 'late', 'moves', '-p', `18092:${TELLING_PORT}`)
    await serve('docker1', 'late')
    expect(await on(lab(), 'docker1', 'docker', 'exec', 'late', 'ls', '/sys/class/net')).toBe('eth0\nlo')
    expect(await askedOn('docker1', 18092)).toBe(outside.ipv4)
  })

  it('weft -> none: nothing goes out, not over Docker’s bridge either, and no published port is open', async () => {
    const warned = await update('moves', '-o', 'egress=none')
    expect(warned).toContain('have ports that Docker opened (docker run -p) closed: one on docker1; two on docker2')
    expect(warned).toContain('have their ports (docker run -p) closed: late on docker1')
    for (const [host, name] of [...PLACES, ['docker1', 'late']] as const) {
      expect(await seenAs(host, name)).toEqual(NOWHERE)
      expect(await defaults(host, name)).toBe('')
    }
    expect(await askedOn('docker1', 18091)).toBeUndefined()
    expect(await askedOn('docker1', 18092)).toBeUndefined()
    expect(await weft(lab(), 'endpoint', 'ls', '-f', 'name=late', '--format', '{{.Ports}}')).toBe('-')
  })

  it('none: even a container that sets routes gets nothing past its end of the bridge, whatever its agent forgets', async () => {
    const heard = async (host: string, name: string) => {
      const sniffer = ['timeout', '6', 'tcpdump', '-Unli', 'docker_gwbridge', '-c', '1', 'arp or ip']
      const sniff = tryOn(lab(), host, ...sniffer)
      await new Promise((resolve) => setTimeout(resolve, 1000))
      await exec(host, name, 'ip', 'route', 'add', '10.250.0.0/24', 'via', '172.18.0.1', 'dev', 'eth1')
      await exec(host, name, 'ping', '-c', '2', '-W', '1', '-I', 'eth1', '172.18.0.1')
      expect(await seenAs(host, name)).toEqual(NOWHERE)
      await exec(host, name, 'ip', 'route', 'del', '10.250.0.0/24')
      const { code, stdout } = await sniff
      // timeout(1): nothing came in time.
      return code === 124 ? stdout.trim() : `${stdout} (exit code ${code})`
    }
    expect(await heard('docker1', 'one')).toBe('')
    for (const [host, name] of PLACES) {
      const lost = findHost(lab(), host)
      await stopProgram(lost, 'SIGKILL')
      if (host === 'docker2') for (const file of stateFiles(lost.data)) rmSync(file)
      await startAgent(lab().layout, lost)
      await follows(`records of ${host}`, true, async () =>
        stateFiles(lost.data).some((file) => readFileSync(file, 'utf8').includes('"joinedEgress":"docker"')),
      )
      expect(await heard(host, name)).toBe('')
    }
  })

  it('none -> weft -> docker: those with an interface on Docker’s bridge go out there again, others keep their way and are named', async () => {
    await update('moves', '-o', 'egress=weft')
    for (const [host, name] of PLACES) expect(await seenAs(host, name)).toEqual(ofHost(host))
    expect(await askedOn('docker1', 18092)).toBe(outside.ipv4)
    const warned = await update('moves', '--opt-rm', 'egress')
    expect(warned).toContain('keep the way out that they have (weft) until they are started again')
    expect(warned).toContain('own: late on docker1')
    expect(await seenAs('docker1', 'one')).toEqual({ ipv4: findHost(lab(), 'docker1').ipv4, ipv6: undefined })
    expect(await askedOn('docker1', 18091)).toBe(outside.ipv4)
    expect(await seenAs('docker1', 'late')).toEqual(ofHost('docker1'))
    expect(await askedOn('docker1', 18092)).toBe(outside.ipv4)
    await follows('who keeps which way', 'late:weft\none:\ntwo:', lagging)
    expect(await weft(lab(), 'endpoint', 'ls', '-f', 'name=late')).toContain('attached, still egress=weft')
    const { stdout } = await tryWeft(lab(), 'doctor', 'docker1', '--format', 'json')
    expect(stdout).toContain('late of moves keeps egress=weft')
  })

  it('follows when it is started again, and Weft’s gateway goes with the last that kept it', async () => {
    await on(lab(), 'docker1', 'docker', 'restart', '-t', '0', 'late')
    expect(await seenAs('docker1', 'late')).toEqual({ ipv4: findHost(lab(), 'docker1').ipv4, ipv6: undefined })
    await follows('nobody lags', 'late:\none:\ntwo:', lagging)
    const left = 'nft list tables | grep -e weft_gateway -e weft_seal; ip -br link | grep wfg'
    await follows('nothing is left', '', async () => (await tryOn(lab(), 'docker1', 'sh', '-c', left)).stdout)
  })

  it('bridge networks: what started without a way out gets one', async () => {
    const dual = ['--subnet', '10.92.0.0/24', '--subnet', 'fd92::/64', '--ipv6']
    await weft(lab(), 'network', 'create', '-d', 'bridge', '-o', 'egress=none', ...dual, 'local')
    await runContainer(lab(), 'docker1', 'inner', 'local')
    expect(await seenAs('docker1', 'inner')).toEqual(NOWHERE)
    await update('local', '-o', 'egress=weft')
    expect(await seenAs('docker1', 'inner')).toEqual(ofHost('docker1'))
    await update('local', '-o', 'egress=none')
    expect(await seenAs('docker1', 'inner')).toEqual(NOWHERE)
    expect(await update('local', '-o', 'egress=docker')).toContain('keep the way out that they have (none)')
    expect(await seenAs('docker1', 'inner')).toEqual(NOWHERE)
    await on(lab(), 'docker1', 'docker', 'restart', '-t', '0', 'inner')
    expect(await seenAs('docker1', 'inner')).toEqual({ ipv4: findHost(lab(), 'docker1').ipv4, ipv6: undefined })
  })

  it.each([
    ['attach=macvlan', 'fast', ['--subnet', '10.93.0.0/24', '--subnet', 'fd93::/64', '--ipv6', '-o', 'attach=macvlan']],
    ['IPv6 alone', 'six', ['--ipv4=false', '--subnet', 'fd94::/64']],
  ])('overlay with %s: from Docker’s bridge to Weft’s gateway, to nothing, and back', async (_, network, flags) => {
    const { ipv4, ipv6 } = findHost(lab(), 'docker1')
    const byWeft = { ipv4: network === 'six' ? undefined : ipv4, ipv6 }
    await weft(lab(), 'network', 'create', ...flags, network)
    await runContainer(lab(), 'docker1', `c-${network}`, network)
    const seen = () => seenAs('docker1', `c-${network}`)
    expect(await seen()).toEqual({ ipv4, ipv6: undefined })
    await update(network, '-o', 'egress=weft')
    expect(await seen()).toEqual(byWeft)
    await update(network, '-o', 'egress=none')
    expect(await seen()).toEqual(NOWHERE)
    await update(network, '--opt-rm', 'egress')
    expect(await seen()).toEqual({ ipv4, ipv6: undefined })
  })

  it('networks on a wire: by the wire’s router, not at all, by Docker’s bridge, and back', async () => {
    const wire = ['--subnet', '10.250.0.0/24', '--ip-range', '10.250.0.64/28', '--gateway', outside.ipv4]
    await weft(lab(), 'network', 'create', '-d', 'macvlan', '-o', 'parent=eth0', ...wire, 'wire')
    await runContainer(lab(), 'docker1', 'far', 'wire')
    // Beyond the router, since the router itself is on the wire.
    await outside.exec('ip', 'address', 'add', '192.0.2.1/32', 'dev', 'lo')
    for (const host of ['docker1', 'docker2']) {
      await on(lab(), host, 'ip', 'route', 'add', '192.0.2.0/24', 'via', outside.ipv4)
    }
    const beyond = async (name: string) => {
      const { code, stdout } = await exec('docker1', name, 'curl', '-s', '-m', '2', `http://192.0.2.1:${TELLING_PORT}/`)
      return code === 0 ? (JSON.parse(stdout) as Told).from : undefined
    }
    const { IPAddress } = await inspected(lab(), 'docker1', 'far', 'wire')
    expect(await beyond('far')).toBe(IPAddress)
    await update('wire', '-o', 'egress=none')
    expect(await beyond('far')).toBeUndefined()
    expect(await defaults('docker1', 'far')).toBe('')
    await update('wire', '-o', 'egress=docker')
    expect(await beyond('far')).toBeUndefined()
    await on(lab(), 'docker1', 'docker', 'restart', '-t', '0', 'far')
    expect(await beyond('far')).toBe(findHost(lab(), 'docker1').ipv4)
    await update('wire', '-o', 'egress=gateway')
    expect(await beyond('far')).toBe(IPAddress)
    await update('wire', '-o', 'egress=none')
    expect(await beyond('far')).toBeUndefined()
  })

  it('holds when Docker is killed, and is changed when it is back', async () => {
    const docker1 = findHost(lab(), 'docker1')
    const restart = async (signal?: 'SIGKILL') => {
      await stopDockerd(docker1, signal)
      await startDockerd(docker1, { liveRestore: true })
      await follows('Docker answers', 0, async () => (await tryOn(lab(), 'docker1', 'docker', 'ps')).code)
    }
    await restart()
    await on(lab(), 'docker1', 'docker', 'start', 'one')
    await update('moves', '-o', 'egress=none')
    await restart('SIGKILL')
    expect(await seenAs('docker1', 'one')).toEqual(NOWHERE)
    await update('moves', '-o', 'egress=weft')
    await restart('SIGKILL')
    expect(await seenAs('docker1', 'one')).toEqual(ofHost('docker1'))
    await update('moves', '-o', 'egress=docker')
    expect(await seenAs('docker1', 'one')).toEqual({ ipv4: docker1.ipv4, ipv6: undefined })
  })
})

const PLACES = [
  ['docker1', 'one'],
  ['docker2', 'two'],
] as const

/** What an agent remembers on disk. */
function stateFiles(data: string): string[] {
  return ['agent-state', 'agent-state.live'].map((name) => path.join(data, name)).filter(existsSync)
}
