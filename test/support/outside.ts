/** A machine beyond the hosts, on the lab's wire and no part of Weft: what containers reach outside, and who asks from there. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { promisify } from 'node:util'
import type { Lab } from '../../cli/src/lab/index.ts'
import { TELLING_SERVER } from './telling-server.ts'

const run = promisify(execFile)

export interface Outside {
  readonly ipv4: string
  readonly ipv6: string
  /** Runs a program there; its trimmed standard output. Throws when it fails. */
  exec(...argv: string[]): Promise<string>
  close(): Promise<void>
}

/** Plugs it into the lab's switch; the lab takes its namespace down should the test not. */
export async function openOutside(lab: Lab): Promise<Outside> {
  const { switchNetns, prefixLength4, prefixLength6 } = lab.layout
  const netns = switchNetns.replace(/sw$/, 'outside')
  const [ipv4, ipv6] = ['10.250.0.250', 'fd57:6566:7400::250']
  const there = (...argv: string[]) => run('ip', ['-n', netns, ...argv])
  await run('ip', ['netns', 'add', netns])
  await run('ip', ['-n', switchNetns, 'link', 'add', 'outside', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', netns])
  await run('ip', ['-n', switchNetns, 'link', 'set', 'outside', 'master', 'br0', 'up'])
  await there('address', 'add', `${ipv4}/${prefixLength4}`, 'dev', 'eth0')
  await there('address', 'add', `${ipv6}/${prefixLength6}`, 'dev', 'eth0', 'nodad')
  for (const name of ['lo', 'eth0']) await there('link', 'set', name, 'up')
  const server: ChildProcess = spawn('ip', ['netns', 'exec', netns, process.execPath, '-e', TELLING_SERVER], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  if (server.stdout !== null) await once(server.stdout, 'data')
  return {
    ipv4,
    ipv6,
    exec: async (program, ...argv) => (await run('ip', ['netns', 'exec', netns, program, ...argv])).stdout.trim(),
    close: async () => {
      server.kill('SIGKILL')
      await once(server, 'close')
      await run('ip', ['netns', 'del', netns])
    },
  }
}
