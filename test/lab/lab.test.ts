/** The lab itself, without a control plane: hosts that are hosts, and nothing left when they are gone. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  bringUp,
  daemonPid,
  execIn,
  findHost,
  type Lab,
  labLayout,
  openLab,
  startDockerd,
  stopDockerd,
  takeDown,
} from '../../cli/src/lab/index.ts'
import { wantedEngine } from '../support/lab.ts'
import { inhabitants, machine, pidNamespaces, traces } from './remains.ts'

const DOOR = fileURLToPath(new URL('../../cli/src/lab/index.ts', import.meta.url))
const missing = ['dockerd', 'nft', 'iperf3', 'busybox'].filter(
  (program) => !['/usr/sbin', '/usr/bin', '/bin'].some((folder) => fs.existsSync(path.join(folder, program))),
)
const reason =
  process.getuid?.() !== 0
    ? 'needs root'
    : missing.length > 0
      ? `needs ${missing.join(', ')}: npm test installs them`
      : ''

/** Runs a command as on a host and gives back its stdout; a failure shows what it printed. */
async function on(lab: Lab, host: string, ...argv: string[]): Promise<string> {
  const result = await execIn(lab, host, argv)
  expect(result, `${argv.join(' ')} on ${host}`).toMatchObject({ code: 0 })
  return result.stdout.trim()
}

/** Nothing of the lab is left; what others do on this machine at the same time settles, so it is asked again. */
async function expectGone(
  name: string,
  namespaces: readonly string[],
  before: ReturnType<typeof machine>,
): Promise<void> {
  await expect.poll(() => traces(name), { timeout: 5000 }).toEqual([])
  await expect.poll(() => inhabitants(namespaces), { timeout: 5000 }).toEqual([])
  for (const key of ['links', 'firewall', 'mounts'] as const)
    await expect.poll(() => machine()[key].filter((each) => !before[key].includes(each)), { timeout: 5000 }).toEqual([])
}

describe.skipIf(reason !== '')(`lab ${reason}`, () => {
  const name = `t${process.pid % 100_000}`
  let before: ReturnType<typeof machine>
  let lab: Lab

  beforeAll(async () => {
    before = machine()
    lab = await bringUp({ ...wantedEngine(), name, hosts: 2, control: false })
  })
  afterAll(async () => {
    await takeDown(name)
  })

  it.each(['docker1', 'docker2'])('%s runs containers of its own Docker', async (host) => {
    expect(await on(lab, host, 'hostname')).toBe(host)
    await on(lab, host, 'docker', 'run', '--rm', 'busybox', 'true')
    // `-V` is understood by iproute2's and iputils' programs only, not by busybox's of the same names.
    const inner =
      'set -e; ip -V; ping -V; iperf3 --version; curl -V; dig -v; tcpdump --version; ethtool --version; wget --help'
    await on(lab, host, 'docker', 'run', '--rm', 'weft/tools', 'sh', '-c', inner)
    const storage = await on(lab, host, 'docker', 'info', '--format', '{{.Driver}}')
    expect(['overlay2', 'vfs']).toContain(storage)
  })

  it('keeps the Dockers apart', async () => {
    await on(lab, 'docker1', 'docker', 'run', '-d', '--name', 'only-here', 'busybox', 'sleep', '1000')
    expect(await on(lab, 'docker1', 'docker', 'ps', '--format', '{{.Names}}')).toBe('only-here')
    expect(await on(lab, 'docker2', 'docker', 'ps', '--format', '{{.Names}}')).toBe('')
    expect(await on(lab, 'docker2', 'ps', '-e', '-o', 'args')).not.toContain('sleep 1000')
    const socket = findHost(lab, 'docker1').dockerSocket
    const outside = ['--host', `unix://${socket}`, 'ps', '--quiet']
    expect(execFileSync('docker', outside, { encoding: 'utf8' }).trim()).not.toBe('')
    await on(lab, 'docker1', 'docker', 'rm', '-f', 'only-here')
  })

  it('joins the hosts by a wire that carries full frames of both families', async () => {
    const [first, second] = lab.hosts
    for (const [from, to] of [
      ['docker1', second?.ipv4],
      ['docker2', first?.ipv6],
      ['controller', first?.ipv4],
      ['docker2', lab.layout.controller.ipv6],
    ] as const) {
      const bytes = to?.includes(':') ? 1500 - 48 : 1500 - 28
      await on(lab, from, 'ping', '-c', '2', '-i', '0.2', '-W', '2', '-M', 'do', '-s', String(bytes), to ?? '')
    }
  })

  it('shows a host its own links in /sys and /proc, and no namespace of another', async () => {
    expect((await on(lab, 'docker1', 'ls', '/sys/class/net')).split('\n').sort()).toEqual(['docker0', 'eth0', 'lo'])
    expect(await on(lab, 'docker1', 'ip', 'netns', 'list')).toBe('')
    expect(await on(lab, 'docker1', 'sysctl', '-n', 'net.ipv4.ip_forward')).toBe('1')
  })

  it('passes exit codes, input and signals on', async () => {
    expect((await execIn(lab, 'docker1', ['sh', '-c', 'exit 7'])).code).toBe(7)
    expect((await execIn(lab, 'docker1', ['no-such-program'])).code).toBe(127)
    expect((await execIn(lab, 'docker1', ['sh', '-c', 'kill -9 $$'])).code).toBe(137)
    expect((await execIn(lab, 'docker1', ['cat'], { input: 'thread' })).stdout).toBe('thread')
    const ended = await execIn(lab, 'docker1', ['sleep', '4321'], { signal: AbortSignal.timeout(200) })
    expect(ended.code).toBe(143)
    await expect.poll(() => on(lab, 'docker1', 'ps', '-e', '-o', 'args')).not.toContain('4321')
    await expect(execIn(lab, 'docker9', ['true'])).rejects.toThrow('one of controller, docker1, docker2')
  })

  it('refuses a second lab of the same name and leaves the first alone', async () => {
    await expect(bringUp({ name, hosts: 1, control: false })).rejects.toThrow('[conflict]')
    expect(openLab(name).hosts.length).toBe(2)
    await on(lab, 'docker2', 'docker', 'ps')
  })

  it('lets dockerd crash and come back, with live-restore and without', async () => {
    const host = findHost(lab, 'docker2')
    await stopDockerd(host)
    expect(daemonPid(host, 'dockerd')).toBeUndefined()
    await startDockerd(host, { liveRestore: true })
    await on(lab, 'docker2', 'docker', 'run', '-d', '--name', 'survivor', 'busybox', 'sleep', '1000')
    const pid = await on(lab, 'docker2', 'docker', 'inspect', '--format', '{{.State.Pid}}', 'survivor')
    await stopDockerd(host, 'SIGKILL')
    await startDockerd(host, { liveRestore: true })
    expect(await on(lab, 'docker2', 'docker', 'inspect', '--format', '{{.State.Pid}}', 'survivor')).toBe(pid)
    await on(lab, 'docker2', 'docker', 'rm', '-f', 'survivor')
  })

  it('is taken down with its containers running, and nothing is left', async () => {
    await on(lab, 'docker1', 'docker', 'run', '-d', '-p', '8080:80', '--restart', 'always', 'busybox', 'sleep', '1000')
    expect(traces(name).length).toBeGreaterThan(0)
    const hosts = pidNamespaces(name)
    expect(inhabitants(hosts)).toEqual(expect.arrayContaining(['dockerd\n', 'sleep\n']))
    const gone = await takeDown(name)
    expect(gone.namespaces.length).toBe(4)
    expect(gone.processes).toBeGreaterThan(0)
    await expectGone(name, hosts, before)
    expect(await takeDown(name)).toEqual({ processes: 0, namespaces: [], cgroups: 0, folder: false })
    expect(() => openLab(name)).toThrow('[not_found]')
  })

  it('takes down what exists when bringing up is interrupted', async () => {
    const stop = new AbortController()
    let hosts: string[] = []
    const up = bringUp({
      name,
      hosts: 2,
      control: false,
      signal: stop.signal,
      onProgress: ({ step }) => {
        if (!step.includes('Docker on every host')) return
        hosts = pidNamespaces(name)
        stop.abort(new Error('interrupted by the test'))
      },
    })
    await expect(up).rejects.toThrow('interrupted by the test')
    expect(hosts.length).toBe(3)
    await expectGone(name, hosts, before)
  })

  it('takes down what a crash left', async () => {
    const code = `const { bringUp } = await import(${JSON.stringify(DOOR)})
      await bringUp({ name: ${JSON.stringify(name)}, control: false, onProgress: ({ step }) => console.log(step) })`
    const args = ['--conditions=source', '--input-type=module', '-e', code]
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    await printed(child, 'Docker on every host')
    child.kill('SIGKILL')
    expect(fs.existsSync(labLayout(name).folder)).toBe(true)
    const hosts = pidNamespaces(name)
    expect(inhabitants(hosts).length).toBeGreaterThan(3)
    await expect(bringUp({ name, control: false })).rejects.toThrow('take it down with: weft lab down')
    await takeDown(name)
    await expectGone(name, hosts, before)
  })

  it('takes down a lab whose namespaces lost their names, and a name without a namespace', async () => {
    await bringUp({ name, hosts: 1, control: false })
    const hosts = pidNamespaces(name)
    execFileSync('ip', ['netns', 'del', `weft-${name}-docker1`])
    fs.writeFileSync(`/run/netns/weft-${name}-docker9`, '')
    await takeDown(name)
    await expectGone(name, hosts, before)
  })

  it('holds two labs side by side on the same addresses', async () => {
    const other = `${name}b`
    try {
      const labs = await Promise.all([name, other].map((each) => bringUp({ name: each, hosts: 1, control: false })))
      for (const each of labs) {
        await on(each, 'docker1', 'ping', '-c', '1', '-W', '2', each.layout.controller.ipv4)
        expect(await on(each, 'docker1', 'ip', 'neigh', 'show', each.layout.controller.ipv4)).not.toBe('')
      }
      await takeDown(name)
      await on(openLab(other), 'docker1', 'docker', 'ps')
    } finally {
      await takeDown(other)
    }
    expect([...traces(name), ...traces(other)]).toEqual([])
  })
})

async function printed(child: ChildProcess, text: string): Promise<void> {
  let seen = ''
  await new Promise<void>((resolve, reject) => {
    child.stdout?.on('data', (chunk) => {
      seen += String(chunk)
      if (seen.includes(text)) resolve()
    })
    child.on('exit', (exit) => reject(new Error(`ended with ${exit} before it printed '${text}': ${seen}`)))
  })
}
