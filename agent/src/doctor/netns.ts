/**
 * Throwaway namespaces of probes. Whatever a probe makes lies in one of these and goes with it: nothing appears in the
 * host's own namespace, and what a killed agent left is found by its name.
 */
import { readdir } from 'node:fs/promises'
import { runProgram } from '../kernel/run-program.ts'

/** Not `weft-`: labs of this machine are called so. */
const PREFIX = 'wfdoctor-'
const NETNS_FOLDER = '/run/netns'

/** Makes a namespace without IPv6, which would speak on a wire by itself; gives its name. */
export async function makeNetns(id: string): Promise<string> {
  const netns = `${PREFIX}${id}`
  await runProgram('ip', ['netns', 'add', netns])
  const settings = [
    ['/proc/sys/net/ipv6/conf/default/disable_ipv6', '1'],
    // Sizes are tried, not learned: no answer of a router may change what is sent.
    ['/proc/sys/net/ipv4/ip_no_pmtu_disc', '2'],
  ] as const
  for (const [file, value] of settings) await runProgram('nsenter', [...inside(netns), 'tee', file], value)
  return netns
}

/** Words before a command that is to run in the namespace. */
export function inside(netns: string): string[] {
  return [`--net=${NETNS_FOLDER}/${netns}`, '--']
}

export async function dropNetns(netns: string): Promise<void> {
  await runProgram('ip', ['netns', 'del', netns])
}

/** Removes what an agent left that was killed while it probed; answers the names. */
export async function sweepNetns(): Promise<string[]> {
  const names = await readdir(NETNS_FOLDER).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  const ours = names.filter((name) => name.startsWith(PREFIX))
  for (const netns of ours) await dropNetns(netns)
  return ours
}
