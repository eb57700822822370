/**
 * Throwaway namespaces of probes. Each has no name and no file, and lives as long as the process that holds it, which ends
 * with its stdin, or with us (setpriv): whatever a probe makes lies in one, goes with it, and never appears in the host's
 * own. A name below /run/netns would need that folder writable, which systemd's sandbox does not grant, and a sweep.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { WeftError } from '@weft/shared'
import { isNoSuchFile, runProgram } from '../kernel/run-program.ts'

export interface ThrowawayNetns {
  /** Of the process that holds it: what `ip link add … netns` takes. */
  readonly pid: number
  /** Words of nsenter before a command that is to run inside. */
  readonly enter: readonly string[]
  /** Runs a program inside. @throws as {@link runProgram} */
  run(argv: readonly string[], input?: string): Promise<string>
  /** Runs lines of `ip` inside, in one go. @throws what `ip` says */
  ip(lines: readonly string[]): Promise<void>
  /** Ends it, and with it everything inside. */
  drop(): Promise<void>
}

/** Tells that it is inside, then waits for the end of its stdin. */
const HOLDER = [
  'setpriv',
  '--pdeathsig',
  'KILL',
  '--',
  'unshare',
  '--net',
  '--',
  'cat',
  '/proc/self/stat',
  '-',
] as const

const SETTINGS = [
  // It would speak on a wire by itself.
  ['/proc/sys/net/ipv6/conf/default/disable_ipv6', '1'],
  // Sizes are tried, not learned: no answer of a router may change what is sent.
  ['/proc/sys/net/ipv4/ip_no_pmtu_disc', '2'],
] as const

/** @throws `unavailable` when the kernel or the sandbox refuses a namespace */
export async function openNetns(): Promise<ThrowawayNetns> {
  const [program, ...argv] = HOLDER
  const holder = spawn(program, argv, { stdio: 'pipe' })
  const complaint = text(holder.stderr)
  holder.stdin.on('error', () => undefined)
  const closed = new Promise<boolean>((resolve) => {
    holder.once('error', () => resolve(false))
    holder.once('close', () => resolve(false))
  })
  const inside = await Promise.race([once(holder.stdout, 'data').then(() => true), closed])
  const { pid } = holder
  if (!inside || pid === undefined) {
    throw new WeftError('unavailable', {
      what: 'no namespace for a probe',
      why: (await complaint).trim() || 'no unshare',
    })
  }
  const enter = [`--net=/proc/${pid}/ns/net`, '--']
  const run = (words: readonly string[], input?: string) => runProgram('nsenter', [...enter, ...words], input)
  const netns: ThrowawayNetns = {
    pid,
    enter,
    run,
    ip: async (lines) => void (await run(['ip', '-batch', '-'], `${lines.join('\n')}\n`)),
    drop: async () => {
      holder.kill('SIGKILL')
      await closed
    },
  }
  try {
    // Without IPv6 in the kernel there is nothing to switch off.
    for (const [file, value] of SETTINGS) await run(['tee', file], value).catch(ignoreAbsent)
    return netns
  } catch (error) {
    await netns.drop()
    throw error
  }
}

function ignoreAbsent(error: unknown): void {
  if (isNoSuchFile(error)) return
  throw error
}
