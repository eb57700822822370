/**
 * A machine with a systemd of its own: the Debian tree under an overlay, booted by systemd-nspawn in a network namespace
 * whose eth0 hangs on a switch in one more. It sees the kernel of this machine, with every capability, as Docker and the
 * agent want. Booting takes two seconds.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import path from 'node:path'
import { WeftError } from '@weft/shared'
import { run } from '../../cli/src/lab/run.ts'
import { waitFor } from '../../cli/src/lab/wait.ts'
import { CACHE, debianTree, packages } from './tree.ts'

export interface Outcome {
  readonly code: number
  readonly out: string
  readonly err: string
}

const ENVIRONMENT = ['-i', 'PATH=/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin', 'HOME=/root', 'LC_ALL=C']
/** Two machines in one control group would end each other's services: each gets one, in every hierarchy that systemd uses. */
const IN_OWN_GROUP = `
name=$1; shift
for base in /sys/fs/cgroup /sys/fs/cgroup/unified /sys/fs/cgroup/systemd; do
  [ -e "$base/cgroup.procs" ] || continue
  mkdir -p "$base/$name"
  echo $$ > "$base/$name/cgroup.procs"
done
exec "$@"`
const REMOVE_GROUPS = `
for base in /sys/fs/cgroup /sys/fs/cgroup/unified /sys/fs/cgroup/systemd; do
  [ ! -d "$base/$1" ] || find "$base/$1" -depth -type d -exec rmdir {} +
done`
/** nspawn's /sys shows the links of the namespace in which nspawn was started; udev and networkd look there. */
const OWN_SYSFS = `
mkdir -p /run/cgroup
mount --rbind /sys/fs/cgroup /run/cgroup
mount -t sysfs sysfs /sys
mount --rbind /run/cgroup /sys/fs/cgroup
systemctl restart systemd-udevd.service`
const CONTROLLER = '10.78.0.1'

export class Machine {
  readonly name: string
  readonly ipv4: string
  readonly #folder: string
  readonly #netns: string
  #nspawn: ChildProcess | undefined
  #leader = 0

  constructor(name: string, ipv4: string, folder: string, netns: string) {
    this.name = name
    this.ipv4 = ipv4
    this.#folder = folder
    this.#netns = netns
  }

  get root(): string {
    return path.join(this.#folder, 'root')
  }

  /** Boots; resolves when systemd has done its jobs. */
  async boot(): Promise<void> {
    const argv = [
      ...['-ec', IN_OWN_GROUP, 'sh', this.#netns, 'systemd-nspawn', '--quiet'],
      ...['--boot', '--register=no', '--keep-unit', '--console=read-only', `--machine=${this.name}`],
      ...['-D', this.root, '--capability=all', '--system-call-filter=@known'],
      ...[`--network-namespace-path=/run/netns/${this.#netns}`, `--bind=${this.#folder}/docker:/var/lib/docker`],
    ]
    const log = fs.openSync(path.join(this.#folder, 'console.log'), 'a')
    // udev and sysctls want to write; Docker makes control groups, which it may in version 2 only.
    const env = { ...process.env, SYSTEMD_NSPAWN_API_VFS_WRITABLE: '1', SYSTEMD_NSPAWN_UNIFIED_HIERARCHY: '1' }
    const nspawn = spawn('sh', argv, { stdio: ['ignore', log, log], env, detached: true })
    fs.closeSync(log)
    this.#nspawn = nspawn
    const children = `/proc/${nspawn.pid}/task/${nspawn.pid}/children`
    const running = async () => {
      if (nspawn.exitCode !== null) throw new WeftError('internal', { what: 'nspawn ended', why: this.console() })
      const leader = Number(fs.existsSync(children) ? fs.readFileSync(children, 'utf8').trim().split(' ')[0] : 0)
      if (!(leader > 0)) return undefined
      this.#leader = leader
      const { out } = await this.exec(['systemctl', 'is-system-running'])
      return ['running', 'degraded'].includes(out.trim()) ? true : undefined
    }
    await waitFor(running, { what: `${this.name} to boot`, timeoutMs: 120_000, intervalMs: 200 })
    await this.shell(OWN_SYSFS)
  }

  /** Shuts down as an admin does: units are stopped in their order. */
  async shutDown(): Promise<void> {
    const nspawn = this.#nspawn
    if (nspawn === undefined || nspawn.exitCode !== null) return
    // SIGRTMIN+4 is systemd's poweroff.target.
    process.kill(this.#leader, 38)
    const killer = setTimeout(() => process.kill(this.#leader, 'SIGKILL'), 60_000)
    if (nspawn.exitCode === null) await once(nspawn, 'exit')
    clearTimeout(killer)
    this.#nspawn = undefined
  }

  async exec(argv: readonly string[], options: { readonly timeoutMs?: number } = {}): Promise<Outcome> {
    const enter = ['-t', String(this.#leader), '-m', '-u', '-i', '-n', '-p', '-C', '-r', '-w', '--', 'env']
    const child = spawn('nsenter', [...enter, ...ENVIRONMENT, ...argv], { stdio: ['ignore', 'pipe', 'pipe'] })
    const timer = setTimeout(() => child.kill('SIGKILL'), options.timeoutMs ?? 60_000)
    const read = async (stream: NodeJS.ReadableStream) => {
      let text = ''
      for await (const part of stream) text += part
      return text
    }
    const [out, err, [code]] = await Promise.all([read(child.stdout), read(child.stderr), once(child, 'close')])
    clearTimeout(timer)
    return { code: (code as number | null) ?? 137, out, err }
  }

  /** The output, trimmed. @throws `internal` with what a command that fails prints */
  async must(argv: readonly string[], options: { readonly timeoutMs?: number } = {}): Promise<string> {
    const { code, out, err } = await this.exec(argv, options)
    if (code === 0) return out.trim()
    throw new WeftError('internal', { what: `${this.name}: ${argv.join(' ')}`, why: `exit ${code}: ${err}${out}` })
  }

  async shell(script: string, options: { readonly timeoutMs?: number } = {}): Promise<string> {
    return await this.must(['sh', '-ec', script], options)
  }

  /** One property of a unit. */
  async property(unit: string, name: string): Promise<string> {
    return await this.must(['systemctl', 'show', '--property', name, '--value', unit])
  }

  /** Writes a drop-in of a unit, as an admin does. */
  async dropIn(unit: string, text: string): Promise<void> {
    const folder = path.join(this.root, 'etc/systemd/system', `${unit}.d`)
    fs.mkdirSync(folder, { recursive: true })
    fs.writeFileSync(path.join(folder, 'test.conf'), text)
    await this.must(['systemctl', 'daemon-reload'])
  }

  async removeDropIn(unit: string): Promise<void> {
    fs.rmSync(path.join(this.root, 'etc/systemd/system', `${unit}.d`), { recursive: true })
    await this.must(['systemctl', 'daemon-reload'])
  }

  console(): string {
    return fs.readFileSync(path.join(this.#folder, 'console.log'), 'utf8').slice(-4_000)
  }
}

export interface Machines {
  /** Controller and Docker host in one. */
  readonly first: Machine
  readonly second: Machine
  /** Ends all and leaves nothing. */
  close(): Promise<void>
}

/** Two machines with the package installed, booted, on one switch. Nothing is configured. */
export async function bootMachines(): Promise<Machines> {
  const [tree, { deb, busybox }] = await Promise.all([debianTree(), packages()])
  const work = fs.mkdtempSync(path.join(CACHE, 'run-'))
  const id = path.basename(work).slice('run-'.length)
  const undo: (() => Promise<unknown>)[] = [async () => fs.rmSync(work, { recursive: true, force: true })]
  const close = async () => {
    for (const step of undo.reverse()) await step()
  }
  try {
    const hub = `weft-sd-${id}`
    await run(['ip', 'netns', 'add', hub])
    undo.push(() => run(['ip', 'netns', 'del', hub]))
    await run(['ip', '-n', hub, 'link', 'add', 'name', 'hub', 'up', 'type', 'bridge'])
    const booted = await Promise.allSettled(
      [CONTROLLER, '10.78.0.2'].map(async (ipv4, index) => {
        const name = `host${index + 1}`
        const folder = path.join(work, name)
        const netns = `${hub}-${index + 1}`
        await run(['ip', 'netns', 'add', netns])
        undo.push(() => run(['ip', 'netns', 'del', netns]))
        undo.push(() => run(['sh', '-c', REMOVE_GROUPS, 'sh', netns]))
        const veth = ['link', 'add', 'name', `p${index}`, 'master', 'hub', 'up', 'type', 'veth']
        await run(['ip', '-n', hub, ...veth, 'peer', 'name', 'eth0', 'netns', netns])
        await run(['ip', '-n', netns, 'link', 'set', 'dev', 'eth0', 'up'])
        await run(['ip', '-n', netns, 'address', 'add', `${ipv4}/24`, 'dev', 'eth0'])
        await run(['ip', '-n', netns, 'address', 'add', `fd78::${index + 1}/64`, 'nodad', 'dev', 'eth0'])
        await layOut(folder, { tree, deb, busybox, name })
        undo.push(() => run(['umount', '--lazy', path.join(folder, 'root')]))
        const machine = new Machine(name, ipv4, folder, netns)
        undo.push(() => machine.shutDown())
        await machine.boot()
        return machine
      }),
    )
    const failed = booted.find((each) => each.status === 'rejected')
    if (failed !== undefined) throw failed.reason
    const [first, second] = booted.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
    if (first === undefined || second === undefined) throw new Error('two were made')
    return { first, second, close }
  } catch (error) {
    await close()
    throw error
  }
}

async function layOut(
  folder: string,
  { tree, deb, busybox, name }: Record<'tree' | 'deb' | 'busybox' | 'name', string>,
): Promise<void> {
  for (const part of ['upper', 'overlay', 'root', 'docker']) fs.mkdirSync(path.join(folder, part), { recursive: true })
  const [upper, work, root] = ['upper', 'overlay', 'root'].map((part) => path.join(folder, part))
  await run([
    'mount',
    '-t',
    'overlay',
    'overlay',
    '-o',
    `lowerdir=${tree},upperdir=${upper},workdir=${work}`,
    root ?? '',
  ])
  const at = (file: string) => path.join(root ?? '', file)
  fs.mkdirSync(at('var/lib/test'), { recursive: true })
  fs.copyFileSync(deb, at('var/lib/test/weft.deb'))
  fs.copyFileSync(busybox, at('var/lib/test/busybox.tar'))
  fs.writeFileSync(at('etc/hostname'), `${name}\n`)
  await run(['nice', 'chroot', root ?? '', 'dpkg', '--force-unsafe-io', '--install', '/var/lib/test/weft.deb'])
}

/** Makes the first one controller, with what else either is to join with, and both hosts of its cluster, by the commands of the README. */
export async function makeCluster(
  { first, second }: Machines,
  ...join: readonly [first?: string[], second?: string[]]
): Promise<void> {
  await first.must(['weft', 'controller', 'init', '--listen', `${CONTROLLER}:7474`, '--out', '/root/join'])
  fs.copyFileSync(path.join(first.root, 'root/join'), path.join(second.root, 'root/join'))
  for (const [index, machine] of [first, second].entries()) {
    await machine.must(['systemctl', 'enable', '--quiet', '--now', 'docker.service'])
    const image = ['docker', 'import', '-c', 'CMD ["sh"]', '/var/lib/test/busybox.tar', 'busybox']
    await machine.must(image)
    await machine.must(['weft', 'join', '/root/join', ...(join[index] ?? [])], { timeoutMs: 120_000 })
  }
}

export interface Overlay extends Machines {
  readonly addresses: readonly [c1: string, c2: string]
}

/** Two machines as one cluster with the network `over`, and a container in it on either that reach each other: c1 and c2. */
export async function bootOverlay(): Promise<Overlay> {
  const machines = await bootMachines()
  try {
    const { first, second } = machines
    await makeCluster(machines)
    await first.must(['weft', 'network', 'create', '--subnet', '10.20.0.0/24', 'over'])
    await first.must(['weft', 'status', '--wait', '--timeout', '30s'])
    const addresses = [await runContainer(first, 'c1', 'over'), await runContainer(second, 'c2', 'over')] as const
    if (!(await reaches(first, 'c1', addresses[1]))) throw new Error('c1 does not reach c2')
    return { ...machines, addresses }
  } catch (error) {
    await machines.close()
    throw error
  }
}

/** A container that Docker starts again after whatever happens. */
export async function runContainer(machine: Machine, name: string, network: string): Promise<string> {
  const options = ['--detach', '--restart', 'always', '--stop-timeout', '1', '--name', name, '--network', network]
  await machine.must(['docker', 'run', ...options, 'busybox', 'sleep', '100000'], { timeoutMs: 120_000 })
  return await addressOf(machine, name, network)
}

export async function addressOf(machine: Machine, name: string, network: string): Promise<string> {
  const format = `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`
  return await machine.must(['docker', 'inspect', '--format', format, name])
}

/** True when a container reaches an address or a name within the time. */
export async function reaches(machine: Machine, container: string, to: string, withinMs = 30_000): Promise<boolean> {
  const end = performance.now() + withinMs
  const ping = ['docker', 'exec', container, 'ping', '-c', '1', '-W', '1', to]
  while (performance.now() < end) {
    if ((await machine.exec(ping)).code === 0) return true
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  return false
}
