/** A whole controller process for tests, from source, on free ports, in a folder of its own. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { connectNats, type NatsBus } from '../../controller/src/bus/index.ts'
import { freePort } from '../../controller/src/embedded/index.ts'
import { plainRequest } from './builders.ts'
import { call, type HttpAnswer } from './http.ts'

const MAIN = path.join(import.meta.dirname, '../../controller/src/main.ts')

export interface Place {
  readonly folder: string
  readonly port: number
  readonly natsPort: number
}

export async function newPlace(): Promise<Place> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'weft-controller-'))
  const [port, natsPort] = await Promise.all([freePort(), freePort()])
  return { folder, port, natsPort }
}

export interface ReadyLine {
  readonly etcd: string[]
  readonly nats: string[]
  readonly pid: number
}

export class ControllerProcess {
  readonly place: Place
  readonly name: string
  readonly #child: ChildProcess
  log = ''
  #ready: Promise<ReadyLine>

  /** @param name tells several controllers of one place apart */
  constructor(place: Place, more: readonly string[] = ['--embedded'], name = 'c', port = place.port) {
    this.place = place
    this.name = name
    const flags = [
      ...['--data', path.join(place.folder, 'data'), '--secret-file', path.join(place.folder, 'secret')],
      ...['--listen', `127.0.0.1:${port}`, '--socket', this.socket, '--nats-listen', `127.0.0.1:${place.natsPort}`],
      ...['--run-dir', path.join(place.folder, name), '--quarantine', '1s', '--log-level', 'debug'],
    ]
    this.#child = spawn(process.execPath, ['--conditions=source', MAIN, ...flags, ...more], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { PATH: process.env.PATH },
    })
    this.#ready = new Promise((resolve, reject) => {
      this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
        this.log += text
        const line = this.log.split('\n').find((candidate) => candidate.includes('"msg":"ready"'))
        if (line !== undefined) resolve(JSON.parse(line) as ReadyLine)
      })
      this.#child.once('exit', (code) => reject(new Error(`controller ended with ${code}: ${this.log}`)))
    })
    this.#ready.catch(() => {})
  }

  get socket(): string {
    return path.join(this.place.folder, `${this.name}.sock`)
  }

  get secret(): string {
    return fs.readFileSync(path.join(this.place.folder, 'secret'), 'utf8').trim()
  }

  ready(): Promise<ReadyLine> {
    return this.#ready
  }

  async call(method: string, target: string, body?: unknown): Promise<HttpAnswer> {
    return await call({ socketPath: this.socket }, method, target, body)
  }

  async bus(): Promise<NatsBus> {
    return await connectNats({
      servers: [`nats://127.0.0.1:${this.place.natsPort}`],
      user: 'weft',
      password: this.secret,
      name: 'test',
      onNotice: () => {},
    })
  }

  get leads(): boolean {
    return this.log.includes('"msg":"leads"')
  }

  /** Gives back the exit code, or the signal that ended it. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | string> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      this.#child.kill(signal)
      await once(this.#child, 'exit')
    }
    return this.#child.exitCode ?? this.#child.signalCode ?? 'unknown'
  }
}

export const networkRequest = (name: string, more: Record<string, unknown> = {}) => ({
  ...plainRequest(name),
  req: `test-${name}-0001`,
  ...more,
})
