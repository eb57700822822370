/** What makes a Docker host one of a cluster's: the agent's configuration, with the secret and the CA beside it. */
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { parseJsonWith } from '@weft/shared'
import { z } from 'zod'
import { readIfThere, writeJson, writePrivate } from './files.ts'

/** Where the package's units look for the agent's configuration. */
export const AGENT_CONFIG = '/etc/weft/agent.json'

/** The keys that `weft join` writes; the agent has more, and checks them all itself. */
const Written = z.looseObject({
  id: z.string(),
  controller: z.array(z.string()).min(1),
  nats: z.array(z.string()).min(1),
  underlay: z.string(),
  vtep: z.string().optional(),
  ca: z.string().optional(),
  'secret-file': z.string().optional(),
  data: z.string().optional(),
  docker: z.string().optional(),
})
export type AgentConfig = z.infer<typeof Written>

export interface HostWish {
  readonly config: string
  readonly id: string
  /** `HOST:PORT` of controllers and NATS servers. */
  readonly controllers: readonly string[]
  readonly nats: readonly string[]
  /** PEM. */
  readonly ca: string
  readonly secret: string
  readonly underlay: string
  readonly vtep?: string | undefined
  readonly data: string
  readonly docker: string
}

/** The agent's configuration that is there; undefined when this host has not joined. @throws `invalid` */
export function readAgentConfig(config: string): AgentConfig | undefined {
  const text = readIfThere(config)
  return text === undefined ? undefined : parseJsonWith(Written, text, `configuration file ${config}`)
}

/** The secret and the CA lie beside the configuration; all three are of one host. */
export function hostFiles(config: string): { readonly ca: string; readonly secret: string } {
  const folder = path.dirname(config)
  return { ca: path.join(folder, 'ca.crt'), secret: path.join(folder, 'agent-secret') }
}

/** Writes what differs, the configuration last; tells whether anything did. @throws `denied` */
export function setUpHost(wish: HostWish): boolean {
  const files = hostFiles(wish.config)
  const before = fingerprint([wish.config, files.ca, files.secret])
  writePrivate(files.ca, wish.ca)
  writePrivate(files.secret, `${wish.secret}\n`)
  writeJson(wish.config, configOf(wish))
  return fingerprint([wish.config, files.ca, files.secret]) !== before
}

export function configOf(wish: HostWish): AgentConfig {
  const files = hostFiles(wish.config)
  return {
    id: wish.id,
    controller: wish.controllers.map((each) => `https://${each}`),
    nats: wish.nats.map((each) => `tls://${each}`),
    ca: files.ca,
    'secret-file': files.secret,
    underlay: wish.underlay,
    ...(wish.vtep === undefined ? {} : { vtep: wish.vtep }),
    data: wish.data,
    docker: wish.docker,
  }
}

/** Removes all three; gives back those that were there. */
export function removeHostFiles(config: string): string[] {
  const { ca, secret } = hostFiles(config)
  // The configuration first: an agent that starts in between says what is missing.
  const there = [config, secret, ca].filter((file) => fs.existsSync(file))
  for (const file of there) fs.rmSync(file)
  return there
}

function fingerprint(files: readonly string[]): string {
  const hash = createHash('sha256')
  for (const file of files) hash.update(readIfThere(file) ?? '').update('\0')
  return hash.digest('hex')
}
