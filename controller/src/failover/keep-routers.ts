/**
 * Keeps every router on a host that lives: the leader's work. A few times a second each host that carries one is asked for a
 * sign of life, and other hosts whether they hear it; a dead one's routers go to hosts that have just answered.
 *
 * Invariants
 * - Every move carries the leader's guard and compares the router's placement.
 * - A router goes only to a host whose agent answered in this very round.
 * - One that stands on a host which never heard of it goes as soon as that host's agent is silent.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { type Position, WeftError } from '@weft/shared'
import type { AskHost } from '../ask-host.ts'
import { type ClusterView, type DomainDeps, isAlive, moveRouter, placeFor, routersOn } from '../domain/index.ts'
import type { Log } from '../log.ts'
import type { Compare } from '../store/kv.ts'
import { CarrierWatch } from './carrier-watch.ts'

export interface KeepRoutersOptions {
  readonly deps: DomainDeps
  readonly askHost: AskHost
  readonly leading: () => Compare | undefined
  readonly log: Log
  /** How far the host's agent has said that it has taken its intent in; undefined when it has said nothing. */
  readonly accepted: (host: string) => Position | undefined
}

const PAUSE_MS = 200
const AGENT_MS = 400
const ECHO_MS = 300
/** Hosts that are asked whether they hear another. */
const WITNESSES = 3
/** How long a router stays where it was moved before it goes back to the host that it prefers. */
const SETTLED_MS = 30_000

/** Runs until the signal. */
export async function keepRouters(options: KeepRoutersOptions, signal: AbortSignal): Promise<void> {
  let watch = new CarrierWatch()
  while (!signal.aborted) {
    try {
      const guard = options.leading()
      if (guard === undefined) watch = new CarrierWatch()
      else await round(options, watch, guard)
    } catch (thrown) {
      options.log.warn({ error: WeftError.from(thrown).message }, 'routers not looked after')
    }
    await delay(PAUSE_MS, undefined, { signal }).catch((error: unknown) => {
      if (!signal.aborted) throw error
    })
  }
}

async function round(options: KeepRoutersOptions, watch: CarrierWatch, guard: Compare): Promise<void> {
  const { deps } = options
  const carriers = new Set([...deps.cluster.current().placements.values()].map(({ value }) => value.host))
  watch.keep(carriers)
  await Promise.all([...carriers].map((host) => lookAfter(options, watch, guard, host)))
}

async function lookAfter(
  options: KeepRoutersOptions,
  watch: CarrierWatch,
  guard: Compare,
  host: string,
): Promise<void> {
  const { deps, askHost, log } = options
  const view = deps.cluster.current()
  const address = view.facts.get(host)?.value.facts.underlay.address
  const others = witnessesOf(view, host)
  const [agent, ...answers] = await Promise.all([
    answersAtAll(askHost, host),
    ...others.map((other) => hears(askHost, other, address)),
  ])
  const live = others.filter((_, at) => answers[at] !== undefined)
  const heard = answers.filter((answer) => answer !== undefined)
  const leased = isAlive(deps.cluster.current(), host)
  const verdict = watch.note(host, { agent: agent === true, heard, leased }, deps.clock.monotonicMs())
  if (agent === true) await goBack(options, guard, host, live)
  if (verdict === 'alive') return
  const routers = routersOn(deps.cluster.current(), host)
  for (const router of verdict === 'dead' ? routers : routers.filter(({ uid }) => neverHeardOf(options, host, uid))) {
    const to = placeFor(deps.cluster.current(), router, live)
    if (to === undefined) {
      log.warn({ router: router.name, host, verdict }, 'no other host can carry the router of a silent one')
      continue
    }
    const moved = await moveRouter(deps, { router: router.uid, to, req: `move:${router.uid}`, guard })
    if (moved) log.warn({ router: router.name, from: host, to, verdict }, 'host is silent: router moved')
  }
}

/** The host's agent died before it took in that it is to carry the router: nothing of it can be in its kernel. */
function neverHeardOf({ deps, accepted }: KeepRoutersOptions, host: string, router: string): boolean {
  const view = deps.cluster.current()
  const at = accepted(host)
  const placed = view.placements.get(router)?.modRevision
  if (at === undefined || placed === undefined) return false
  return at.incarnation === view.incarnation && at.revision < placed
}

/** Routers that prefer another host go back to it when it has answered and they have stayed here a while. */
async function goBack(
  { deps, log }: KeepRoutersOptions,
  guard: Compare,
  host: string,
  live: readonly string[],
): Promise<void> {
  const view = deps.cluster.current()
  for (const router of routersOn(view, host)) {
    const { preferred } = router
    if (preferred === undefined || preferred === host || !live.includes(preferred)) continue
    const since = Date.parse(view.placements.get(router.uid)?.value.since ?? '')
    if (deps.clock.now() - since < SETTLED_MS || placeFor(view, router, [preferred]) === undefined) continue
    const moved = await moveRouter(deps, { router: router.uid, to: preferred, req: `move:${router.uid}`, guard })
    if (moved) log.info({ router: router.name, from: host, to: preferred }, 'router moved to the host that it prefers')
  }
}

/** Those that routers of the host could go to come first: whoever hears nothing is also who may take over. */
function witnessesOf(view: ClusterView, host: string): string[] {
  const others = [...view.hosts.keys()].filter((other) => other !== host && isAlive(view, other)).sort()
  const wanted = routersOn(view, host).flatMap((router) => placeFor(view, router, others) ?? [])
  return [...new Set([...wanted, ...others])].slice(0, WITNESSES)
}

async function answersAtAll(askHost: AskHost, host: string): Promise<boolean> {
  return await askHost(host, 'reach', { addresses: [], withinMs: 1 }, AGENT_MS).then(
    () => true,
    () => false,
  )
}

/** Whether the host hears the address; undefined when it does not answer us. */
async function hears(askHost: AskHost, host: string, address: string | undefined): Promise<boolean | undefined> {
  const addresses = address === undefined ? [] : [address]
  return await askHost(host, 'reach', { addresses, withinMs: ECHO_MS }, AGENT_MS).then(
    ({ answered }) => answered.length > 0,
    () => undefined,
  )
}
