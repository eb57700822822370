/** Three hosts from nothing by the commands of the README: init, join, network create, docker run; then leave. */
import fs from 'node:fs'
import path from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { CONTROLLER, execIn, findHost, startAgent, startController, stopProgram } from '../../cli/src/lab/index.ts'
import { eventually, useLab } from '../support/lab.ts'

describe('joining', () => {
  const lab = useLab('join', { control: false })
  const folder = (host: string) => findHost(lab(), host).folder
  const config = (host: string) =>
    path.join(folder(host), host === CONTROLLER ? 'etc/controller.json' : 'etc/agent.json')
  const weft = async (host: string, ...argv: string[]) => await execIn(lab(), host, ['weft', ...argv])
  const docker = async (host: string, ...argv: string[]) => {
    const ended = await execIn(lab(), host, ['docker', ...argv])
    expect(ended, `docker ${argv.join(' ')} on ${host}`).toMatchObject({ code: 0 })
    return ended.stdout.trim()
  }
  /** /etc is the machine's in every lab host: everything of a host lies in its own folder. */
  const join = async (host: string, ...more: string[]) =>
    await weft(host, 'join', path.join(folder(CONTROLLER), 'join.txt'), '--config', config(host), ...more)
  const joined = async (host: string) => await join(host, '--data', findHost(lab(), host).data)
  const status = async () =>
    JSON.parse((await weft(CONTROLLER, 'status', '--format', 'json')).stdout) as {
      hosts: { id: string; alive: boolean; converged: boolean }[]
    }

  beforeAll(async () => {
    const own = ['--config', config(CONTROLLER), '--data', findHost(lab(), CONTROLLER).data]
    const init = await weft(
      CONTROLLER,
      'controller',
      'init',
      ...own,
      '--out',
      path.join(folder(CONTROLLER), 'join.txt'),
    )
    expect(init).toMatchObject({ code: 0, stdout: expect.stringContaining('10.250.0.10:7474') })
    expect(init.stdout).not.toContain('WEFT1-')
    const written = fs.readFileSync(config(CONTROLLER), 'utf8')
    await startController(lab().layout)
    // The lab's own setting up is that of the command: it changed nothing.
    expect(fs.readFileSync(config(CONTROLLER), 'utf8')).toBe(written)
  })

  it('shows what it would do and does nothing with --dry-run', async () => {
    const dry = await join('docker1', '--dry-run')
    expect(dry).toMatchObject({ code: 0, stdout: expect.stringContaining('"underlay": "eth0"') })
    expect(dry.stderr).toMatch(
      /Docker +\d.*\n.*controller +10\.250\.0\.10:7474.*pinned CA\n.*name +docker1\n.*underlay +eth0 \(10\.250\.0\.11\)/,
    )
    expect(fs.existsSync(config('docker1'))).toBe(false)
  })

  it('joins both hosts, by their own names', async () => {
    for (const host of ['docker1', 'docker2']) {
      expect(await joined(host)).toMatchObject({ code: 0, stderr: expect.stringContaining('weft agent --config') })
      for (const file of ['agent.json', 'agent-secret', 'ca.crt'])
        expect(fs.statSync(path.join(folder(host), 'etc', file)).mode & 0o777, file).toBe(0o600)
      const written = fs.readFileSync(config(host), 'utf8')
      await startAgent(lab().layout, findHost(lab(), host))
      expect(fs.readFileSync(config(host), 'utf8')).toBe(written)
    }
    await eventually('both converge', 10_000, async () => {
      const { hosts } = await status()
      return hosts.length === 2 && hosts.every(({ alive, converged }) => alive && converged) ? true : undefined
    })
  })

  it('attaches containers on both hosts, which reach each other', async () => {
    expect(await weft(CONTROLLER, 'network', 'create', '--subnet', '10.20.0.0/24', 'mynet')).toMatchObject({ code: 0 })
    await docker('docker1', 'run', '-d', '--name', 'web', '--network', 'mynet', 'busybox', 'httpd', '-f', '-h', '/etc')
    const address = await docker('docker1', 'inspect', '-f', '{{.NetworkSettings.Networks.mynet.IPAddress}}', 'web')
    const ping = ['docker', 'run', '--rm', '--network', 'mynet', 'busybox', 'ping', '-c', '2', '-W', '2', address]
    await eventually('web is reached', 10_000, async () =>
      (await execIn(lab(), 'docker2', ping)).code === 0 ? true : undefined,
    )
    await eventually('web is listed', 5_000, async () =>
      (await weft(CONTROLLER, 'endpoint', 'ls')).stdout.includes('web') ? true : undefined,
    )
  })

  it('speaks TLS on every connection between host and controller', async () => {
    // What NATS and the API heard in clear would stand in a capture; that they hear nothing in clear, nothing can.
    const clear = await execIn(lab(), 'docker1', ['curl', '-sS', '-m', '3', 'http://10.250.0.10:7474/v1/version'])
    expect(clear.code).not.toBe(0)
    const secret = fs.readFileSync(path.join(folder('docker1'), 'etc/agent-secret'), 'utf8').trim()
    const dump = ['timeout', '13', 'tcpdump', '-i', 'eth0', '-nn', '-s0', '-A', '-l', 'tcp and host 10.250.0.10']
    const { stdout } = await execIn(lab(), 'docker1', dump)
    // A heartbeat every ten seconds at the latest.
    expect(stdout).toContain('10.250.0.10.4222')
    expect(stdout).not.toMatch(/weft\.v1\.|PING\r?\n|"instance"/)
    expect(stdout).not.toContain(secret)
  })

  it('is harmless when repeated, and refuses another name', async () => {
    expect(await joined('docker1')).toMatchObject({ code: 0, stderr: expect.stringContaining('joined already') })
    const other = await join('docker1', '--id', 'docker9')
    expect(other).toMatchObject({ code: 4, stderr: expect.stringMatching(/under another name: docker1/) })
  })

  it('refuses a name that another host has', async () => {
    const config2 = path.join(folder('docker2'), 'second/agent.json')
    const file = path.join(folder(CONTROLLER), 'join.txt')
    const taken = await weft('docker2', 'join', file, '--config', config2, '--id', 'docker1')
    expect(taken).toMatchObject({ code: 4, stderr: expect.stringMatching(/taken: docker1.*\n.*10\.250\.0\.11.*alive/) })
    expect(fs.existsSync(config2)).toBe(false)
  })

  it('leaves only without endpoints, and tells what remains', async () => {
    const leave = async () => await weft('docker1', 'leave', '--config', config('docker1'))
    const used = await leave()
    expect(used).toMatchObject({ code: 4, stderr: expect.stringMatching(/web in mynet/) })
    expect(fs.existsSync(config('docker1'))).toBe(true)
    await docker('docker1', 'rm', '-f', 'web')
    const running = await eventually('the endpoint is gone', 10_000, async () => {
      const ended = await leave()
      return ended.stderr.includes('web in mynet') ? undefined : ended
    })
    expect(running).toMatchObject({ code: 4, stderr: expect.stringMatching(/the agent runs.*\n.*\n.*kill \d+/) })
    await stopProgram(findHost(lab(), 'docker1'))
    expect(await leave()).toMatchObject({ code: 0, stdout: expect.stringContaining('docker1 has left') })
    expect(fs.readdirSync(path.join(folder('docker1'), 'etc'))).toEqual([])
    expect(await leave()).toMatchObject({ code: 0, stderr: expect.stringContaining('has not joined') })
  })

  it('comes back under its old name', async () => {
    await eventually('the controller sees it dead', 60_000, async () => {
      const { hosts } = await status()
      return hosts.find(({ id }) => id === 'docker1')?.alive === false ? true : undefined
    })
    expect(await joined('docker1')).toMatchObject({ code: 0 })
    await startAgent(lab().layout, findHost(lab(), 'docker1'))
    await eventually('it converges', 15_000, async () => {
      const { hosts } = await status()
      return hosts.every(({ alive, converged }) => alive && converged) ? true : undefined
    })
  })
})
