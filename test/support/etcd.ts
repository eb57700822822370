import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** A real etcd of one member on loopback and free ports, with its data in a folder that goes with it. */
export interface EtcdServer {
  readonly endpoint: string
  readonly port: number
  /** Runs etcdctl (v3) against it and resolves with stdout. */
  ctl(...args: string[]): Promise<string>
  /** SIGKILL, keeping the data; `restart` brings it back on the same port. */
  kill(): Promise<void>
  restart(): Promise<void>
  /** Ends it and removes its data. */
  stop(): Promise<void>
}

export interface EtcdServerOptions {
  /** Further flags, such as `--quota-backend-bytes=…`. */
  readonly flags?: readonly string[]
  /** Files for mutual TLS; without them it speaks plain HTTP. */
  readonly tls?: { readonly ca: string; readonly cert: string; readonly key: string }
  /** Files that etcdctl shows, with `tls`. */
  readonly client?: { readonly cert: string; readonly key: string }
}

/** Starts etcd and waits until it answers. */
export async function startEtcd({ flags = [], tls, client }: EtcdServerOptions = {}): Promise<EtcdServer> {
  const folder = await mkdtemp(join(tmpdir(), 'weft-etcd-'))
  const [port = 0, peerPort = 0] = await freePorts(2)
  const endpoint = `http${tls === undefined ? '' : 's'}://127.0.0.1:${port}`
  const peer = `http://127.0.0.1:${peerPort}`
  const args = [
    ...['--name=one', `--data-dir=${folder}`, '--log-level=error'],
    ...[`--listen-client-urls=${endpoint}`, `--advertise-client-urls=${endpoint}`],
    ...[`--listen-peer-urls=${peer}`, `--initial-advertise-peer-urls=${peer}`, `--initial-cluster=one=${peer}`],
    ...(tls
      ? [`--cert-file=${tls.cert}`, `--key-file=${tls.key}`, `--trusted-ca-file=${tls.ca}`, '--client-cert-auth']
      : []),
    ...flags,
  ]
  const secure = tls && client ? [`--cacert=${tls.ca}`, `--cert=${client.cert}`, `--key=${client.key}`] : []
  const ctl = async (...command: string[]) => {
    const env = { ...process.env, ETCDCTL_API: '3' }
    const { stdout } = await promisify(execFile)('etcdctl', [`--endpoints=${endpoint}`, ...secure, ...command], { env })
    return stdout
  }
  let child: ChildProcess | undefined
  const kill = async () => {
    const running = child
    child = undefined
    if (running === undefined || running.exitCode !== null) return
    const gone = new Promise((resolve) => running.once('exit', resolve))
    running.kill('SIGKILL')
    await gone
  }
  const restart = async () => {
    child = spawn('etcd', args, { stdio: ['ignore', 'ignore', 'pipe'] })
    let stderr = ''
    child.stderr?.on('data', (text) => {
      stderr = (stderr + text).slice(-2_000)
    })
    for (let tries = 0; ; tries++) {
      try {
        await ctl('endpoint', 'health', '--command-timeout=1s')
        return
      } catch (error) {
        if (tries > 50 || child.exitCode !== null) throw new Error(`etcd does not start: ${stderr}`, { cause: error })
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
    }
  }
  const stop = async () => {
    await kill()
    await rm(folder, { recursive: true, force: true })
  }
  try {
    await restart()
  } catch (error) {
    await stop()
    throw error
  }
  return { endpoint, port, ctl, kill, restart, stop }
}

/** Free TCP ports on loopback, all different. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer()
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      return server
    }),
  )
  const ports = servers.map((server) => (server.address() as { port: number }).port)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}
