/** One virtual machine: QEMU without acceleration, a disk of its own over the shared image, two NICs, a guest agent. */
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { WeftError } from '@weft/shared'
import { run } from '../../cli/src/lab/run.ts'
import { waitFor } from '../../cli/src/lab/wait.ts'
import { GuestChannel } from './guest-channel.ts'
import type { RigImage } from './image.ts'
import { MACHINES, type MachineLayout } from './layout.ts'
import { qemuArguments } from './qemu.ts'

export interface Outcome {
  readonly code: number
  readonly out: string
  readonly err: string
}

export interface ExecOptions {
  readonly timeoutMs?: number
  readonly input?: string
}

interface ExecStatus {
  readonly exited: boolean
  readonly exitcode?: number
  readonly signal?: number
  readonly 'out-data'?: string
  readonly 'err-data'?: string
}

/** As timeout(1) reads it. */
const LIFETIME = '4h'
const ENVIRONMENT = ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'HOME=/root', 'TERM=dumb']

export class Machine {
  readonly layout: MachineLayout
  #channel: GuestChannel | undefined
  /** QEMU's socket serves one at a time: commands that come at once wait for the same channel. */
  #opening: Promise<GuestChannel> | undefined

  constructor(layout: MachineLayout) {
    this.layout = layout
  }

  get name(): string {
    return this.layout.name
  }

  /** Process id of its QEMU's keeper, if that runs. */
  pid(): number | undefined {
    const file = path.join(this.layout.folder, 'pid')
    if (!fs.existsSync(file)) return undefined
    const pid = Number(fs.readFileSync(file, 'utf8'))
    const commandLine = `/proc/${pid}/cmdline`
    // The number may be another process's by now: ours names its folder.
    const ours = fs.existsSync(commandLine) && fs.readFileSync(commandLine, 'utf8').includes(`${this.layout.folder}/`)
    return ours ? pid : undefined
  }

  /**
   * Milliseconds that its emulated processor has run so far, and that it has waited for one of ours: of the thread of its QEMU
   * that ran most (Documentation/scheduler/sched-stats.rst).
   */
  processorMs(): { ran: number; waited: number } {
    const keeper = this.pid()
    const qemu = fs.readFileSync(`/proc/${keeper}/task/${keeper}/children`, 'utf8').trim()
    const threads = fs.readdirSync(`/proc/${qemu}/task`).map((thread) => {
      const [ran = 0, waited = 0] = fs
        .readFileSync(`/proc/${qemu}/task/${thread}/schedstat`, 'utf8')
        .split(' ')
        .map(Number)
      return { ran: ran / 1e6, waited: waited / 1e6 }
    })
    return threads.reduce((most, each) => (each.ran > most.ran ? each : most), { ran: 0, waited: 0 })
  }

  /** Gives it a fresh disk. */
  async makeDisk(image: RigImage): Promise<void> {
    fs.rmSync(this.layout.folder, { recursive: true, force: true })
    fs.mkdirSync(this.layout.folder, { recursive: true })
    const disk = path.join(this.layout.folder, 'disk.qcow2')
    await run(['qemu-img', 'create', '-q', '-f', 'qcow2', '-b', image.disk, '-F', 'raw', disk])
  }

  /** Switches it on, on the disk that it has. It goes on when we end. Throws `internal` with QEMU's words. */
  async powerOn(image: RigImage): Promise<void> {
    const log = path.join(this.layout.folder, 'qemu.log')
    const out = fs.openSync(log, 'a')
    // A rig that everybody forgot, or whose test was killed, ends by itself.
    const bounded = ['timeout', '--kill-after=5', process.env.RIG_LIFETIME ?? LIFETIME]
    const argv = ['-n', '15', ...bounded, 'qemu-system-x86_64', ...qemuArguments(this.layout, image)]
    const child = spawn('nice', argv, { detached: true, stdio: ['ignore', out, out] })
    fs.closeSync(out)
    child.unref()
    fs.writeFileSync(path.join(this.layout.folder, 'pid'), `${child.pid}\n`)
    await sleep(200)
    if (this.pid() === undefined)
      throw new WeftError('internal', {
        what: 'QEMU ended at once',
        on: this.name,
        why: fs.readFileSync(log, 'utf8').slice(-2000),
      })
  }

  /** Resolves when systemd has started everything; with its verdict, `running` or `degraded`. Throws `deadline`. */
  async ready(timeoutMs = 180_000): Promise<string> {
    this.#channel?.close()
    this.#channel = await GuestChannel.open(path.join(this.layout.folder, 'agent.sock'), timeoutMs)
    return (await this.exec(['systemctl', 'is-system-running', '--wait'], { timeoutMs })).out.trim()
  }

  /** Runs a program as root, without a shell. A failure of the program is an outcome; throws `deadline`. */
  async exec(argv: readonly string[], { timeoutMs = 120_000, input }: ExecOptions = {}): Promise<Outcome> {
    const channel = await this.#open()
    const deadlineMs = performance.now() + timeoutMs
    const [program = '', ...rest] = argv
    const { pid } = (await channel.call('guest-exec', {
      path: program,
      arg: rest,
      env: ENVIRONMENT,
      'capture-output': true,
      ...(input === undefined ? {} : { 'input-data': Buffer.from(input).toString('base64') }),
    })) as { pid: number }
    for (let waitMs = 10; ; waitMs = Math.min(waitMs * 1.5, 400)) {
      const status = (await channel.call('guest-exec-status', { pid })) as ExecStatus
      if (status.exited) return outcome(status)
      if (performance.now() > deadlineMs)
        throw new WeftError('deadline', { what: `command on ${this.name} took too long`, on: argv.join(' ') })
      await sleep(waitMs)
    }
  }

  /** Runs a program that must succeed; gives back its stdout. Throws `internal` with its words. */
  async must(argv: readonly string[], options: ExecOptions = {}): Promise<string> {
    const { code, out, err } = await this.exec(argv, options)
    if (code === 0) return out
    const why = `${err.trim()}\n${out.trim()}`.trim() || `it ended with ${code}`
    throw new WeftError('internal', { what: `command failed on ${this.name}`, on: argv.join(' '), why })
  }

  /** Runs lines of shell that must succeed; values go in as arguments, `$1` and so on. */
  async shell(script: string, args: readonly string[] = [], options: ExecOptions = {}): Promise<string> {
    return await this.must(['bash', '-euo', 'pipefail', '-c', script, 'bash', ...args], options)
  }

  /** Reboots as an admin does, and waits until it is up again. */
  async reboot(timeoutMs = 180_000): Promise<string> {
    const before = await this.must(['cat', '/proc/sys/kernel/random/boot_id'])
    await this.must(['systemctl', 'reboot', '--no-block'])
    return await waitFor(
      async () => {
        const state = await this.ready(timeoutMs).catch(() => undefined)
        const now = await this.exec(['cat', '/proc/sys/kernel/random/boot_id']).catch(() => undefined)
        return now !== undefined && now.out !== '' && now.out !== before ? state : undefined
      },
      { what: `${this.name} to boot again`, timeoutMs, intervalMs: 500 },
    )
  }

  /** Cuts the power. */
  async powerOff(): Promise<void> {
    this.#channel?.close()
    this.#channel = undefined
    const pid = this.pid()
    if (pid === undefined) return
    // QEMU obeys SIGTERM at once and tells the guest nothing.
    process.kill(pid, 'SIGTERM')
    await waitFor(() => this.pid() === undefined, { what: `QEMU of ${this.name} to end`, timeoutMs: 10_000 })
  }

  close(): void {
    this.#channel?.close()
    this.#channel = undefined
  }

  async #open(): Promise<GuestChannel> {
    if (this.pid() === undefined)
      throw new WeftError('unavailable', { what: 'machine is not up', on: this.name, remedy: 'npm run rig -- up' })
    if (this.#channel !== undefined) return this.#channel
    this.#opening ??= GuestChannel.open(path.join(this.layout.folder, 'agent.sock'), 20_000).finally(() => {
      this.#opening = undefined
    })
    this.#channel = await this.#opening
    return this.#channel
  }
}

/** The machine of that name. Throws `not-found`. */
export function findMachine(name: string): Machine {
  const layout = MACHINES.find((each) => each.name === name)
  if (layout !== undefined) return new Machine(layout)
  const why = `the rig has ${MACHINES.map((each) => each.name).join(', ')}`
  throw new WeftError('not_found', { what: 'no such machine', on: name, why })
}

function outcome(status: ExecStatus): Outcome {
  const text = (data: string | undefined) => Buffer.from(data ?? '', 'base64').toString()
  const code = status.exitcode ?? 128 + (status.signal ?? 0)
  return { code, out: text(status['out-data']), err: text(status['err-data']) }
}
