import fs from 'node:fs'
import { listed, parseWith, WeftError } from '@weft/shared'
import { z } from 'zod'
import { type Client, createClient } from '../../client/client.ts'
import { note, print, type Terminal } from '../../output/terminal.ts'
import { type AgentConfig, readAgentConfig, removeHostFiles } from '../../setup/host-setup.ts'
import { runningPid } from '../../setup/machine.ts'
import { removeOwnAccess } from '../../setup/own-links.ts'
import { checkRoot } from '../../setup/preflight.ts'
import { agentUnits, stopUnits } from '../../setup/systemd.ts'
import type { Run } from '../spec.ts'

const Flags = z.strictObject({ config: z.string().startsWith('/'), force: z.boolean().default(false) })

const MOST_NAMES = 5
/** How long to wait until other hosts carry the routers, milliseconds. */
const FOLLOWED_MS = 5_000

/** Stops the agent and removes what `weft join` wrote; a host that has not joined is left alone, which is no error. */
export const run: Run = async ({ terminal, newRequestId }, { options }) => {
  const { config, force } = parseWith(Flags, options, 'options')
  checkRoot(process.getuid?.())
  const settings = readAgentConfig(config)
  if (settings === undefined) {
    note(terminal, `this host has not joined: ${config} does not exist`)
    return undefined
  }
  if (!force) await handOver(settings, newRequestId)
  await stop(config, settings)
  for (const name of await removeOwnAccess()) note(terminal, `removed: ${name}`)
  for (const file of removeHostFiles(config)) note(terminal, `removed: ${file}`)
  remains(terminal, settings)
  return undefined
}

async function stop(config: string, settings: AgentConfig): Promise<void> {
  const units = await agentUnits(config)
  if (units.length > 0) return await stopUnits(units)
  const runDir = typeof settings['run-dir'] === 'string' ? settings['run-dir'] : '/run/weft'
  const pid = runningPid(`${runDir}/agent.pid`)
  if (pid === undefined) return
  throw new WeftError('conflict', {
    what: 'the agent runs',
    on: `process ${pid}`,
    why: 'no unit of systemd’s runs it',
    remedy: `end it first (kill ${pid}), then repeat`,
  })
}

/** Routers go to other hosts while this one still carries them. @throws as checkUnused; `unavailable` when no other host can */
async function handOver(settings: AgentConfig, newRequestId: () => string): Promise<void> {
  await checkUnused(settings)
  await firstAnswer(settings.controller, async (url) => {
    const client = clientOf(settings, url)
    for (const { uid, host } of await client.call('routerList', {})) {
      if (host !== settings.id) continue
      const { revision } = await client.call('routerMove', { params: { ref: uid }, body: { req: newRequestId() } })
      await client.call('status', { query: { wait: true, revision, timeoutMs: FOLLOWED_MS } })
    }
  })
}

/** @throws `conflict` naming the endpoints, or what the asking itself met */
async function checkUnused(settings: AgentConfig): Promise<void> {
  const endpoints = await firstAnswer(settings.controller, async (url) => {
    return await clientOf(settings, url).call('endpointList', { query: { host: settings.id } })
  })
  const containers = endpoints.filter(({ role }) => role === undefined)
  if (containers.length === 0) return
  const names = containers.map(({ name, uid, network }) => `${name ?? uid} in ${network.name}`)
  throw new WeftError('conflict', {
    what: 'containers of this host are on Weft networks',
    on: settings.id,
    why: listed(names, MOST_NAMES),
    remedy: 'remove or disconnect them first (docker rm, docker network disconnect), or leave with --force',
  })
}

/** The answer of the first controller that gives one; the last one's error when none does. */
async function firstAnswer<T>(controllers: readonly string[], ask: (url: URL) => Promise<T>): Promise<T> {
  const [first = '', ...others] = controllers
  try {
    return await ask(new URL(first))
  } catch (error) {
    if (!WeftError.from(error).retryable) throw error
    if (others.length > 0) return await firstAnswer(others, ask)
    const { code, parts } = WeftError.from(error)
    throw new WeftError(code, {
      ...parts,
      remedy: 'let the controller answer, or leave without asking it: weft leave --force',
    })
  }
}

function clientOf(settings: AgentConfig, url: URL): Client {
  const read = (file: string | undefined) => (file === undefined ? '' : fs.readFileSync(file, 'utf8'))
  const ca = read(settings.ca)
  const secret = read(settings['secret-file']).trim()
  return createClient({ address: { kind: 'http', url }, secret, ...(ca === '' ? {} : { ca }) })
}

function remains(terminal: Terminal, { id, data = '/var/lib/weft' }: AgentConfig): void {
  print(
    terminal,
    `${id} has left. What remains here, until you remove it:
  ${data}   the agent's record of what it made
  Docker's networks of driver weft     docker network ls -f driver=weft; docker network rm NAME
  the namespace weft and its links     apt-get purge weft removes them all
The controller shows ${id} as not alive. Half a minute from now its addresses can be given back: weft host rm ${id}`,
  )
}
