/** A check of the scenario, what it is given, and the few verbs that all checks share. */
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { WeftError } from '@weft/shared'
import { type ExecResult, execIn } from '../exec.ts'
import { CONTROLLER } from '../layout.ts'
import type { Lab } from '../record.ts'
import { waitFor } from '../wait.ts'

/** Other hosts hear of a container a moment after its own Docker has started or connected it. */
export const REACHED_MS = 10_000

export interface Check {
  readonly name: string
  /** Says in a few words what was seen; throws when the check does not hold. */
  run(lab: Lab): Promise<string>
}

/** The same from cli/src and from cli/dist. */
const WEFT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../../bin/weft.js')

/** Runs the real CLI as its user would; a failing command is a result. */
export async function tryWeft(lab: Lab, ...args: string[]): Promise<ExecResult> {
  return await execIn(lab, CONTROLLER, [process.execPath, WEFT, ...args])
}

export async function weft(lab: Lab, ...args: string[]): Promise<string> {
  return succeeded(await tryWeft(lab, ...args), `weft ${args.join(' ')}`)
}

export async function tryOn(lab: Lab, host: string, ...argv: string[]): Promise<ExecResult> {
  return await execIn(lab, host, argv)
}

/** Runs a command on a lab host; its trimmed standard output. */
export async function on(lab: Lab, host: string, ...argv: string[]): Promise<string> {
  return succeeded(await execIn(lab, host, argv), `${host}: ${argv.join(' ')}`)
}

/** Starts a container that waits, by `docker run` alone; its id. */
export async function runContainer(lab: Lab, host: string, name: string, network: string, ...flags: string[]) {
  const argv = ['docker', 'run', '-d', '--name', name, '--network', network, ...flags]
  return await on(lab, host, ...argv, 'weft/tools', 'sleep', '3600')
}

/** What `docker inspect` says of a container's interface in a network. */
export async function inspected(lab: Lab, host: string, container: string, network: string) {
  const text = await on(lab, host, 'docker', 'inspect', '-f', '{{json .NetworkSettings.Networks}}', container)
  const networks = JSON.parse(text) as Record<
    string,
    { IPAddress: string; GlobalIPv6Address: string; MacAddress: string }
  >
  const found = networks[network]
  expect(found !== undefined, `${host}/${container} is on ${network}`, text)
  return found as NonNullable<typeof found>
}

/** Pings from inside a container; resolves to whether every packet came back. */
export async function pings(lab: Lab, host: string, container: string, address: string, ...flags: string[]) {
  const argv = ['docker', 'exec', container, 'ping', '-c', '3', '-i', '0.2', '-W', '2', ...flags, address]
  const { code, stdout } = await execIn(lab, host, argv)
  return code === 0 && stdout.includes(' 0% packet loss')
}

/** Pings until every packet comes back; throws `deadline` when they do not within so long. */
export async function reaches(
  lab: Lab,
  host: string,
  container: string,
  address: string,
  timeoutMs = REACHED_MS,
): Promise<void> {
  const family = address.includes(':') ? ['-6'] : []
  const what = `${container} on ${host} to reach ${address}`
  await waitFor(() => pings(lab, host, container, address, ...family), { what, timeoutMs, intervalMs: 100 })
}

/** Throws unless the condition holds: `what` should have been, `seen` was. */
export function expect(condition: boolean, what: string, seen: unknown): asserts condition {
  if (condition) return
  const on = typeof seen === 'string' ? seen : JSON.stringify(seen)
  throw new WeftError('internal', { what: `expected that ${what}`, on })
}

function succeeded(result: ExecResult, what: string): string {
  expect(result.code === 0, `${what} succeeds`, `exit code ${result.code}: ${result.stderr || result.stdout}`)
  return result.stdout.trim()
}
