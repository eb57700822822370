/**
 * The doctor of this host: answers the controller's requests with findings. It changes nothing that stays, is bounded in
 * time, and says of what it could not try why.
 */
import {
  type DoctorFinding,
  type DoctorProbe,
  type DoctorReply,
  type DoctorRequest,
  driverFor,
  type HostFacts,
  parseOptions,
  WeftError,
} from '@weft/shared'
import type { Engine } from '../docker/engine.ts'
import { isNoSuchFile, runProgram } from '../kernel/run-program.ts'
import type { Log } from '../log.ts'
import type { Loop } from '../loop.ts'
import { keptWays } from '../state/egress.ts'
import type { StateStore } from '../state/store.ts'
import type { AnyHostCheck, HostEnv, PairFacts, Verdict } from './checks/check.ts'
import { HOST_CHECKS, PAIR_CHECKS } from './checks/registry.ts'
import { openNetns } from './netns.ts'
import { overheadOf } from './pair/links.ts'
import { answerProbe, askProbe } from './pair/pair-probe.ts'
import { parseVxlanListing } from './vxlan-listing.ts'

export interface DoctorOptions {
  readonly host: string
  readonly store: StateStore
  readonly engine: Engine
  readonly loop: Loop
  readonly log: Log
  readonly facts: () => HostFacts
  readonly now: () => number
  readonly pluginSocket: string
  readonly dataFolder: string
}

export interface Doctor {
  /** Carries out what a controller asks. @throws what keeps it from being tried */
  answer(request: DoctorRequest): Promise<DoctorReply>
  /** What is answered to a request for another agent of this name; nothing where that one must not be drowned out. */
  answerForTwin(request: DoctorRequest): DoctorReply | undefined
  /** Ends probes that are under way. */
  stop(): Promise<void>
}

const CHECK_MS = 6_000
/** Peers that probe this host at once; each costs two processes. */
const MOST_LISTENERS = 32

export function createDoctor(options: DoctorOptions): Doctor {
  const { host, now } = options
  const listeners = new Map<string, () => Promise<void>>()

  const close = async (id: string) => await listeners.get(id)?.()
  const listen = async (probe: DoctorProbe) => {
    if (listeners.size >= MOST_LISTENERS)
      throw new WeftError('unavailable', { what: 'too many probes at once', remedy: 'repeat in a few seconds' })
    const end = await answerProbe(probe, groundOf(options), (error) => {
      listeners.delete(probe.id)
      if (error !== undefined)
        options.log.warn({ probe: probe.id, error: error.message }, 'end of a probe not taken away')
    })
    listeners.set(probe.id, end)
  }
  const carryOut = async (request: DoctorRequest): Promise<DoctorFinding[]> => {
    switch (request.do) {
      case 'host':
        return await examineHost(options, request, now())
      case 'listen':
        await listen(request.probe)
        return []
      case 'probe':
        return await examinePair(options, request.probe)
      case 'close':
        await close(request.id)
        return []
    }
  }
  return {
    answer: async (request) => ({ findings: await carryOut(request) }),
    // The host's own agent answers later than this, having looked: so the twin is always seen.
    answerForTwin: (request) => (request.do === 'host' ? { findings: [twin(host)] } : undefined),
    stop: async () => {
      await Promise.all([...listeners.keys()].map(close))
    },
  }
}

function twin(host: string): DoctorFinding {
  return {
    check: 'identity',
    severity: 'error',
    hosts: [host],
    measured: `another agent runs under the name ${host}`,
    why: 'the cluster obeys the one that joined last; the other one holds an intent that nobody renews',
    remedy: `systemctl stop weft-agent on the machine that is not ${host}, and start it with another --id`,
  }
}

async function examineHost(
  options: DoctorOptions,
  asked: HostEnv['asked'],
  receivedMs: number,
): Promise<DoctorFinding[]> {
  const env = envOf(options, asked, receivedMs)
  return (await Promise.all(HOST_CHECKS.map((check) => runCheck(check, env)))).flat()
}

/** A check that fails is a finding too: what it would have found is not known. */
async function runCheck(check: AnyHostCheck, env: HostEnv): Promise<DoctorFinding[]> {
  const about = { check: check.name, hosts: [env.host] }
  try {
    const late = new WeftError('deadline', { what: 'check took too long', why: `more than ${CHECK_MS} ms` })
    return (await within(check.run(env), CHECK_MS, late)).map((verdict) => ({ ...about, ...clipped(verdict) }))
  } catch (error) {
    return [
      {
        ...about,
        severity: 'skipped',
        measured: `could not be tried: ${WeftError.from(error).message}`.slice(0, 2000),
      },
    ]
  }
}

/** Within the schema's bounds: one endless message must not cost the others. */
function clipped({ measured, why, remedy, ...rest }: Verdict): Verdict {
  return {
    ...rest,
    measured: measured.slice(0, 2000),
    ...(why === undefined ? {} : { why: why.slice(0, 1000) }),
    ...(remedy === undefined ? {} : { remedy: remedy.slice(0, 1000) }),
  }
}

async function within<T>(work: Promise<T>, ms: number, late: WeftError): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const end = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late), ms)
  })
  try {
    return await Promise.race([work, end])
  } finally {
    clearTimeout(timer)
  }
}

function envOf(options: DoctorOptions, asked: HostEnv['asked'], receivedMs: number): HostEnv {
  const { host, store, engine, loop } = options
  const { entries } = store.current
  const all = [...entries.values()]
  const networks = all.filter((entry) => entry.kind === 'network')
  const endpoints = all.filter((entry) => entry.kind === 'endpoint')
  const vteps = new Map(all.flatMap((entry) => (entry.kind === 'peer' ? [[entry.host, entry.vtep] as const] : [])))
  const filters = networks
    .filter(({ driver }) => driverFor(driver).name === 'overlay')
    .map(({ uid, vni = 0, options: given }) => {
      const peers = endpoints.filter((each) => each.network === uid && each.host !== host)
      const known = peers.flatMap((each) => vteps.get(each.host) ?? [])
      return { udpPort: Number(given.port ?? 4789), vni, peers: [...new Set(known)] }
    })
  let docker: ReturnType<HostEnv['docker']> | undefined
  return {
    host,
    asked,
    receivedMs,
    facts: options.facts(),
    networks,
    partOf: new Set(endpoints.filter((each) => each.host === host).map((each) => each.network)),
    keeping: keptWays(store.current),
    filters,
    pass: async () => {
      const { problems } = await loop.run('doctor')
      return { problems, filters: store.current.position === null ? undefined : await readFilters() }
    },
    docker: () => {
      docker ??= askDocker(engine)
      return docker
    },
    pluginSocket: options.pluginSocket,
    dataFolder: options.dataFolder,
    inNetns: async (body) => {
      const netns = await openNetns()
      try {
        return await body(netns)
      } finally {
        await netns.drop()
      }
    },
  }
}

/** The VXLAN filter as nft tells it, past what the loop holds for true. */
async function readFilters() {
  try {
    return parseVxlanListing(JSON.parse(await runProgram('nft', ['-j', 'list', 'table', 'inet', 'weft_vxlan'])))
  } catch (error) {
    if (isNoSuchFile(error)) return []
    throw error
  }
}

async function askDocker(engine: Engine) {
  const [version, info, networks] = await Promise.all([engine.version(), engine.info(), engine.networks()])
  const { DockerRootDir: root, LiveRestoreEnabled: liveRestore } = info
  return { version, root, liveRestore, networks: networks.map(({ Name }) => Name) }
}

function groundOf({ facts, store }: DoctorOptions) {
  const uplinks = [...store.current.entries.values()].filter((entry) => entry.kind === 'uplink')
  return { facts: facts(), uplinks: Object.fromEntries(uplinks.map((each) => [each.name, each.interface])) }
}

async function examinePair(options: DoctorOptions, probe: DoctorProbe): Promise<DoctorFinding[]> {
  const ground = groundOf(options)
  const { underlay } = ground.facts
  const measured = await askProbe(probe, ground)
  const networks = [...options.store.current.entries.values()].filter((entry) => entry.kind === 'network')
  const facts: PairFacts = {
    host: options.host,
    peer: probe.peer,
    udpPort: probe.udpPort,
    underlay,
    overlays: networks
      .filter(({ driver }) => driverFor(driver).name === 'overlay')
      .map(({ name, mtu, options: given }) => {
        const overheadBytes = overheadOf(underlay.address)
        const asked = driverFor('overlay').mtu(parseOptions(driverFor('overlay'), given))
        return { name, mtu: mtu ?? asked ?? underlay.mtu - overheadBytes, overheadBytes }
      }),
    ...measured,
  }
  const hosts = [options.host, probe.peer]
  return PAIR_CHECKS.flatMap(({ name, judge }) =>
    judge(facts).map((verdict) => ({ check: name, hosts, ...clipped(verdict) })),
  )
}
