/** The embedded etcd: one member, on loopback only, its data in the controller's folder. */
import path from 'node:path'
import { type Child, startChild } from './child.ts'
import type { EmbeddedOptions } from './options.ts'
import { rememberedPorts } from './ports.ts'
import { findProgram } from './programs.ts'

const QUOTA_BYTES = 4 * 1024 ** 3

/** Starts it and waits until it answers. Only flags that 3.4 to 3.6 all know. */
export async function startEtcd(options: EmbeddedOptions): Promise<Child & { readonly url: string }> {
  const program = findProgram(options.etcdProgram, options.searchPath, 'etcd-server', '--etcd-bin')
  const ports = await rememberedPorts(options.folder)
  const url = `http://127.0.0.1:${ports.client}`
  const peer = `http://127.0.0.1:${ports.peer}`
  const dataArgument = `--data-dir=${path.join(options.folder, 'etcd')}`
  const args = [
    ...['--name=weft', dataArgument],
    ...[`--listen-client-urls=${url}`, `--advertise-client-urls=${url}`],
    ...[`--listen-peer-urls=${peer}`, `--initial-advertise-peer-urls=${peer}`, `--initial-cluster=weft=${peer}`],
    ...['--auto-compaction-mode=periodic', '--auto-compaction-retention=1h'],
    `--quota-backend-bytes=${QUOTA_BYTES}`,
  ]
  // No ETCD_* of the caller: a variable and a flag of one meaning stop etcd. 3.4 wants to be told that arm64 is meant.
  const env = process.arch === 'arm64' ? { ETCD_UNSUPPORTED_ARCH: 'arm64' } : {}
  const ready = async () => await isHealthy(url)
  const plan = { name: 'etcd', program, args, argument: dataArgument, env, ready }
  return { url, ...(await startChild(options.folder, plan, options.log)) }
}

async function isHealthy(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/health`, { signal: AbortSignal.timeout(1_000) })
    return response.ok && (await response.text()).includes('true')
  } catch {
    // Not up yet, which is what was asked.
    return false
  }
}
