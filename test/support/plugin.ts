/** The agent's plugin with everything of its own and nothing of others: a fake kernel, and a throwaway controller. */
import fs from 'node:fs'
import http, { type Server } from 'node:http'
import os from 'node:os'
import path from 'node:path'
import {
  type AgentReply,
  type AgentRequest,
  type AgentVerb,
  digestOfMap,
  type EndpointSpec,
  type HostFacts,
  type NetworkSpec,
  toEntryMap,
  WeftError,
} from '@weft/shared'
import type { Controller } from '../../agent/src/bus/controller.ts'
import { ContainersOnDisk } from '../../agent/src/docker/containers-on-disk.ts'
import { createIpamDriver } from '../../agent/src/docker/ipam-driver.ts'
import { createNetworkDriver } from '../../agent/src/docker/network-driver.ts'
import { createPluginServer, listenForDocker } from '../../agent/src/docker/plugin-server.ts'
import { createFakeKernel, type FakeKernel } from '../../agent/src/kernel/index.ts'
import { Loop } from '../../agent/src/loop.ts'
import { refuseTaken } from '../../agent/src/ports/taken-ports.ts'
import { createReconcile, type PassResult } from '../../agent/src/reconcile.ts'
import { StateStore } from '../../agent/src/state/store.ts'

export const QUIET = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {}, fatal: () => {} }

const FACTS: HostFacts = {
  hostname: 'docker1',
  kernel: '6.1.0',
  agentVersion: '0',
  interfaces: [
    { name: 'eth0', mtu: 1500, mac: '02:00:00:00:00:aa', up: true, kind: 'device', addresses: ['10.0.0.1/24'] },
  ],
  routes: [],
  underlay: { interface: 'eth0', address: '10.0.0.1', mtu: 1500 },
}

/** Hands out addresses of each subnet in order; `down` makes it unreachable, `asked` is what it was asked. */
export class ThrowawayController implements Controller {
  readonly asked: { verb: AgentVerb; request: unknown }[] = []
  readonly endpoints = new Map<string, EndpointSpec>()
  /** Addresses that belong to a name, as the controller knows them. */
  readonly reserved = new Map<string, readonly string[]>()
  down = false
  #count = 0

  async ask<V extends AgentVerb>(verb: V, request: AgentRequest<V>): Promise<AgentReply<V>> {
    this.asked.push({ verb, request })
    if (this.down) throw new WeftError('unavailable', { what: 'no controller reached', remedy: 'start one' })
    if (verb === 'claim') return this.#claim(request as AgentRequest<'claim'>) as AgentReply<V>
    if (verb === 'bind') return this.#bind(request as AgentRequest<'bind'>) as AgentReply<V>
    throw new Error(`not expected: ${verb}`)
  }

  #claim({ network, subnet, address, names = [] }: AgentRequest<'claim'>): AgentReply<'claim'> {
    const number = ++this.#count
    const owner = names.find((name) => this.reserved.has(name))
    const own = this.reserved.get(owner ?? '')
    if (owner !== undefined && own !== undefined && (names.length === 1 || address !== undefined)) {
      return { ...this.#made(number, network, own), reservedFor: owner }
    }
    if (owner !== undefined) throw new WeftError('conflict', { what: 'it does not show who asks', on: names.join() })
    const ip = address ?? (subnet.startsWith('6') ? `fd01::${number + 9}` : `10.1.0.${number + 9}`)
    const taken = [...this.endpoints.values()].find(({ addresses }) => addresses.includes(ip))
    if (taken !== undefined)
      throw new WeftError('conflict', { what: 'address is in use', on: ip, why: 'web on docker2 has it' })
    return this.#made(number, network, [ip])
  }

  #made(number: number, network: string, addresses: readonly string[]): AgentReply<'claim'> {
    const mac = `02:00:00:00:00:${number.toString(16).padStart(2, '0')}`
    const uid = number.toString(16).padStart(20, '0')
    const endpoint = { uid, network, host: 'docker1', mac, addresses: [...addresses], aliases: [] }
    this.endpoints.set(uid, endpoint)
    return { endpoint }
  }

  #bind({ endpoint: uid, merge, mac }: AgentRequest<'bind'>): AgentReply<'bind'> {
    const own = this.endpoints.get(uid)
    if (own === undefined) throw new WeftError('not_found', { what: 'no such endpoint', on: uid })
    const others = merge.flatMap((each) => this.endpoints.get(each) ?? [])
    for (const other of others) this.endpoints.delete(other.uid)
    const addresses = [...own.addresses, ...others.flatMap((other) => other.addresses)]
    const endpoint = { ...own, mac: mac ?? own.mac, addresses }
    this.endpoints.set(uid, endpoint)
    return { endpoint }
  }
}

export interface Plugin {
  readonly folder: string
  readonly socket: string
  readonly store: StateStore
  readonly kernel: FakeKernel
  readonly controller: ThrowawayController
  readonly loop: Loop
  readonly creating: Set<string>
  readonly connecting: Set<string>
  /** When starts were refused because it did not show who asks. */
  readonly undecided: readonly number[]
  readonly results: PassResult[]
  /** One plugin call as Docker makes it; undefined sends no body. */
  call(name: string, body?: unknown): Promise<{ status: number; answer: Record<string, unknown> }>
  close(): Promise<void>
}

export async function startPlugin(networks: readonly NetworkSpec[], deadlineMs = 9_000): Promise<Plugin> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'weft-plugin-'))
  const store = StateStore.open({ file: path.join(folder, 'state'), log: QUIET, newInstance: () => 'instance1' })
  const entries = toEntryMap(networks.map((network) => ({ kind: 'network' as const, ...network })))
  store.change((state) => ({
    ...state,
    entries,
    endpointsKnown: true,
    identity: { cluster: 'c', incarnation: 1, epoch: 1 },
    position: { incarnation: 1, revision: 5, digest: digestOfMap(entries) },
  }))
  await store.durable()
  const kernel = createFakeKernel()
  kernel.addForeign({ kind: 'other', netns: '', name: 'eth0', mtu: 1500, up: true })
  const results: PassResult[] = []
  const { pass, wire } = createReconcile({
    host: 'docker1',
    kernel,
    store,
    log: QUIET,
    facts: () => FACTS,
    now: Date.now,
    carryMode: () => 'all' as const,
    listenersAt: async () => [],
    onEgress: () => undefined,
  })
  const loop = new Loop({
    pass,
    log: QUIET,
    everyMs: 60_000,
    onResult: (result) => void results.push(result),
  })
  const controller = new ThrowawayController()
  const creating = new Set<string>()
  let ids = 0
  const containers = new ContainersOnDisk()
  const connecting = new Set<string>()
  const undecided: number[] = []
  const common = {
    store,
    controller,
    containers,
    fence: async () => ({ epoch: 1, instance: 'instance1' }),
    now: Date.now,
  }
  const own = { onReleased: () => undefined, onUndecided: () => void undecided.push(Date.now()) }
  const newRequestId = () => `request-${++ids}`
  const server = createPluginServer({
    log: QUIET,
    deadlineMs,
    handlers: {
      ...createIpamDriver({ ...common, ...own, creating, connecting, newRequestId }),
      ...createNetworkDriver({
        ...common,
        loop,
        wire,
        kernel,
        newRequestId,
        onChanged: () => undefined,
        onJoined: async () => undefined,
        refuseTaken: (ports, uid) => refuseTaken(store.current, ports, uid),
      }),
      'Test.Hang': () => new Promise(() => undefined),
    },
  })
  const socket = path.join(folder, 'plugins/weft.sock')
  await listenForDocker(server, socket, false)
  return {
    folder,
    socket,
    store,
    kernel,
    controller,
    loop,
    creating,
    connecting,
    undecided,
    results,
    call: (name, body) => post(socket, name, body === undefined ? '' : JSON.stringify(body)),
    close: () => closeAll(server, loop, folder),
  }
}

/** A POST as Go's client makes it; the text goes as it is. */
export function post(
  socketPath: string,
  name: string,
  text: string,
): Promise<{ status: number; answer: Record<string, unknown> }> {
  return new Promise((resolve, reject) => {
    const headers = { 'Content-Length': Buffer.byteLength(text) }
    const request = http.request(
      { socketPath, path: `/${name}`, method: 'POST', headers, agent: false },
      (response) => {
        let reply = ''
        response.setEncoding('utf8').on('data', (chunk: string) => {
          reply += chunk
        })
        response.on('end', () => resolve({ status: response.statusCode ?? 0, answer: JSON.parse(reply) }))
        response.on('error', reject)
      },
    )
    request.on('error', reject)
    request.end(text)
  })
}

async function closeAll(server: Server, loop: Loop, folder: string): Promise<void> {
  await loop.stop()
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  fs.rmSync(folder, { recursive: true, force: true })
}
