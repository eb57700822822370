/** What the rig's tests say often: Docker and Weft on a machine, addresses, pings. */

import fs from 'node:fs'
import path from 'node:path'
import type { StatusView } from '@weft/shared'
import { waitFor } from '../../cli/src/lab/wait.ts'
import { documentBlocks } from '../support/document.ts'
import type { Machine } from './machine.ts'

/** `docker …` on a machine; gives back stdout, trimmed. */
export async function docker(host: Machine, ...args: readonly string[]): Promise<string> {
  return (await host.must(['docker', ...args], { timeoutMs: 120_000 })).trim()
}

/** `weft …` on the controller; gives back stdout, trimmed. */
export async function weft(controller: Machine, ...args: readonly string[]): Promise<string> {
  return (await controller.must(['weft', ...args], { timeoutMs: 120_000 })).trim()
}

/** A container that only waits, brought back by Docker after a reboot. */
export async function runContainer(host: Machine, name: string, network: string): Promise<void> {
  const options = ['--detach', '--restart', 'always', '--stop-timeout', '1', '--name', name, '--network', network]
  await docker(host, 'run', ...options, 'busybox', 'sleep', '100000')
}

/** IPv4 address of a running container in a network, as its engine tells. */
export async function addressOf(host: Machine, container: string, network: string): Promise<string> {
  const format = `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`
  return await docker(host, 'inspect', '--format', format, container)
}

/** The same of IPv6. */
export async function address6Of(host: Machine, container: string, network: string): Promise<string> {
  const format = `{{(index .NetworkSettings.Networks "${network}").GlobalIPv6Address}}`
  return await docker(host, 'inspect', '--format', format, container)
}

const GUIDE = path.resolve(import.meta.dirname, '../../docs/guide.md')

/** Types the guide's commands about VLANs that hold `word`, which the lab's kernel cannot. */
export async function typeGuide(controller: Machine, word: string): Promise<void> {
  const blocks = documentBlocks(fs.readFileSync(GUIDE, 'utf8')).filter(({ marks }) => marks.includes('vlan'))
  const block = blocks.find(({ commands }) => commands.includes(word))
  if (block === undefined) throw new Error(`the guide has no commands about ${word}`)
  await controller.shell(block.commands, [], { timeoutMs: 120_000 })
}

export interface Pings {
  readonly sent: number
  readonly received: number
}

/** Pings from inside a container; `target` may have ping's options before it, such as `-6`. */
export async function ping(host: Machine, container: string, target: string, count = 3): Promise<Pings> {
  const argv = ['docker', 'exec', container, 'ping', '-c', String(count), '-W', '3', ...target.split(' ')]
  return parsePings((await host.exec(argv, { timeoutMs: 60_000 + count * 2_000 })).out)
}

export function parsePings(text: string): Pings {
  const [, sent, received] = /(\d+) packets transmitted, (\d+) (?:packets )?received/.exec(text) ?? []
  return { sent: Number(sent ?? 0), received: Number(received ?? 0) }
}

/**
 * GET of the controller's API by its own socket: a question asked often, and `weft` is a program that an emulated processor
 * takes seconds to start.
 */
export async function ask<T>(controller: Machine, path: string): Promise<T> {
  const question = 'printf "GET $1 HTTP/1.0\\r\\n\\r\\n" | nc -U /run/weft/controller.sock'
  const answer = await controller.shell(question, [path], { timeoutMs: 120_000 })
  return JSON.parse(answer.slice(answer.indexOf('\r\n\r\n'))) as T
}

/** Every live host at the newest revision, and this many of them. */
export async function converged(controller: Machine, hosts: number): Promise<void> {
  await waitFor(
    async () => {
      const status = await ask<StatusView>(controller, '/v1/status?wait=true&timeoutMs=60000').catch(() => undefined)
      return status?.hosts.filter(({ alive, converged }) => alive && converged).length === hosts ? true : undefined
    },
    { what: `${hosts} converged hosts`, timeoutMs: 180_000, intervalMs: 1_000 },
  )
}

/** Waits until a host reports such a problem. */
export async function tells(controller: Machine, host: string, text: RegExp): Promise<void> {
  const told = async () => {
    const { hosts } = await ask<StatusView>(controller, '/v1/status')
    return hosts.some(({ id, problems }) => id === host && problems.some(({ message }) => text.test(message)))
  }
  await waitFor(told, { what: `${host} to tell ${text}`, timeoutMs: 60_000, intervalMs: 500 })
}

/** Waits until a container runs and gives back its address. */
export async function backWithAddress(host: Machine, container: string, network: string): Promise<string> {
  return await waitFor(
    async () => {
      const { code, out } = await host.exec(['docker', 'inspect', '--format', '{{.State.Running}}', container])
      return code === 0 && out.trim() === 'true' ? await addressOf(host, container, network) : undefined
    },
    { what: `${container} to run again`, timeoutMs: 120_000, intervalMs: 1_000 },
  )
}

/** What `ip -j -d link` tells, as far as it is looked at. */
export interface Link {
  readonly ifname: string
  readonly group?: string
  readonly link?: string
  readonly operstate: string
  readonly linkinfo?: {
    readonly info_kind: string
    readonly info_data?: { readonly id: number; readonly protocol: string }
  }
}

export async function linksOf(host: Machine): Promise<Link[]> {
  return JSON.parse(await host.must(['ip', '-j', '-d', 'link', 'show'])) as Link[]
}

/**
 * Does the work, and tells how many times as long the host's processor took for what it ran meanwhile as when nothing else runs
 * on ours; 1 when it is alone.
 */
export async function withSlowness<T>(host: Machine, work: () => Promise<T>): Promise<{ result: T; factor: number }> {
  const before = host.processorMs()
  const result = await work()
  const after = host.processorMs()
  const ran = after.ran - before.ran
  return { result, factor: (ran + after.waited - before.waited) / ran }
}
