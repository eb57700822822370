/**
 * Endpoints in namespaces that Docker does not wire: `--network none` containers, processes, `ip netns`. They are records
 * like those of containers, and passes keep them; what Docker's calls do for those, this does here.
 *
 * Invariants
 * - A namespace is the one with the cookie that was seen when it was attached; a path that leads elsewhere by now is searched
 *   anew among the processes, and the endpoint ends when nobody is in the namespace and no path leads to it.
 * - An endpoint that ends is first no longer wanted, then unmade, then given back; a restart in between goes on with it.
 */
import { type HostReply, type HostRequest, type NetworkSpec, WeftError } from '@weft/shared'
import type { Engine } from '../docker/engine.ts'
import type { Kernel } from '../kernel/index.ts'
import type { NamespaceFinder } from '../kernel/namespace-finder.ts'
import { parseSandbox, sandboxText } from '../kernel/sandbox-path.ts'
import type { Log } from '../log.ts'
import type { Loop } from '../loop.ts'
import { networkOf } from '../state/networks.ts'
import { type LocalRecord, withRecord, withReleased } from '../state/records.ts'
import { type ClaimOptions, claimEndpoint } from './claim-endpoint.ts'
import { resolveTarget, type Target } from './target.ts'

export interface AttachmentOptions extends ClaimOptions {
  readonly engine: Engine
  readonly kernel: Pick<Kernel, 'observe' | 'apply'>
  readonly finder: NamespaceFinder
  readonly loop: Pick<Loop, 'run' | 'trigger'>
  /** Id of the machine's run. */
  readonly boot: string
  readonly log: Log
  readonly onChanged: (uid: string) => void
}

type Request = HostRequest<'attach'>

/** A namespace's end is noticed within this. */
const SWEEP_EVERY_MS = 1_000
const MOST_INTERFACES = 1_000

export class Attachments {
  readonly #options: AttachmentOptions
  readonly #ending = new Set<string>()
  #timer: NodeJS.Timeout | undefined
  #stopped = false

  constructor(options: AttachmentOptions) {
    this.#options = options
  }

  /** @throws with everything that was made undone */
  async attach(request: Request): Promise<HostReply<'attach'>> {
    const { store, loop, onChanged } = this.#options
    const network = networkOf(store.current.entries, request.network)
    if (network === undefined) {
      const remedy = 'see weft status, then try again'
      throw new WeftError('unavailable', {
        what: 'the host does not know the network yet',
        on: request.network,
        remedy,
      })
    }
    const target = await resolveTarget(this.#options, request.target)
    const sandbox = sandboxText(target)
    this.#checkFirst(network, target)
    const ifname = await this.#freeName(sandbox, target, request.ifname)
    const name = request.name ?? target.container?.name
    const claimed = await claimEndpoint(this.#options, network, { ...request, name })
    const given = { ...claimed, joinedEgress: network.egress }
    const record = attachedRecord(given, request, target, {
      sandbox,
      ifname,
      boot: this.#options.boot,
    })
    store.change((state) => withRecord(state, record))
    try {
      await store.durable()
      const { problems } = await loop.run('attached')
      if (!(await this.#isMade(sandbox, ifname))) throw notMade(target, problems)
    } catch (error) {
      await this.#end(record.uid)
      throw error
    }
    this.#sweepSoon()
    onChanged(record.uid)
    const { uid, mac, addresses } = record
    return { uid, ...(name === undefined ? {} : { name }), ifname, mac, addresses }
  }

  /** @throws `not_found`, `invalid` for an endpoint that Docker made */
  async detach({ endpoint }: HostRequest<'detach'>): Promise<HostReply<'detach'>> {
    const record = this.#options.store.current.endpoints.get(endpoint)
    if (record === undefined)
      throw new WeftError('not_found', {
        what: 'no such endpoint on this host',
        on: endpoint,
        remedy: 'weft endpoint ls',
      })
    if (record.attached === undefined) {
      const name = record.name ?? record.containerId?.slice(0, 12) ?? record.uid
      const remedy = `weft network disconnect NETWORK ${name}`
      throw new WeftError('invalid', { what: 'endpoint was not attached', on: name, why: 'Docker made it', remedy })
    }
    await this.#end(endpoint)
    return {}
  }

  /** Begins to look after them; endpoints of before the machine started anew end at once. */
  start(): void {
    const { store, boot, now } = this.#options
    store.change((state) =>
      [...state.endpoints.values()]
        .filter(({ attached }) => attached !== undefined && attached.boot !== boot)
        .reduce((changed, record) => withRecord(changed, { ...record, phase: 'detached', since: now() }), state),
    )
    this.#sweepSoon(0)
  }

  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
  }

  #sweepSoon(ms = SWEEP_EVERY_MS): void {
    clearTimeout(this.#timer)
    if (!this.#stopped) this.#timer = setTimeout(() => void this.#sweep(), ms)
  }

  async #sweep(): Promise<void> {
    const { store, log } = this.#options
    const attached = [...store.current.endpoints.values()].filter((record) => record.attached !== undefined)
    for (const record of attached) {
      try {
        await this.#look(record)
      } catch (error) {
        log.warn({ endpoint: record.uid, error: WeftError.from(error).message }, 'attached namespace not looked at')
      }
    }
    if (attached.length > 0) this.#sweepSoon()
  }

  async #look(record: LocalRecord): Promise<void> {
    const { store, finder, loop, log } = this.#options
    const { attached, sandbox = '', phase } = record
    // A restart came between.
    if (attached === undefined || phase === 'detached') return await this.#end(record.uid)
    const { path, cookie = '' } = parseSandbox(sandbox)
    if (isAt(finder, path, cookie)) return
    const other = finder.findProcess({ inode: attached.inode, cookie })
    if (other === undefined) {
      log.info({ endpoint: record.uid, sandbox }, 'attached namespace is gone')
      return await this.#end(record.uid)
    }
    const moved = sandboxText({ path: other, cookie })
    store.change((state) => withRecord(state, { ...(state.endpoints.get(record.uid) ?? record), sandbox: moved }))
    await store.durable()
    loop.trigger('attached namespace found again')
  }

  /** No longer wanted, unmade, given back. */
  async #end(uid: string): Promise<void> {
    const { store, kernel, loop, now, newRequestId, onReleased } = this.#options
    if (this.#ending.has(uid)) return
    this.#ending.add(uid)
    try {
      const record = store.current.endpoints.get(uid)
      if (record === undefined) return
      store.change((state) => withRecord(state, { ...record, phase: 'detached', since: now() }))
      await store.durable()
      await loop.run('detached')
      const { sandbox, link } = record
      if (sandbox !== undefined && link !== undefined) {
        const [failure] = await kernel.apply([{ op: 'link-delete', netns: sandbox, name: link }])
        if (failure !== undefined) throw failure.error
      }
      store.change((state) => withReleased(state, [uid], newRequestId()))
      await store.durable()
      onReleased()
    } finally {
      this.#ending.delete(uid)
      // What could not be ended is tried again.
      this.#sweepSoon()
    }
  }

  #checkFirst(network: NetworkSpec, { cookie, text }: Target): void {
    const there = [...this.#options.store.current.endpoints.values()].find(
      (record) =>
        record.attached !== undefined &&
        record.network === network.uid &&
        parseSandbox(record.sandbox ?? '').cookie === cookie,
    )
    if (there === undefined) return
    throw new WeftError('conflict', {
      what: 'the namespace is on that network already',
      on: text,
      why: `endpoint ${there.name ?? there.uid} has ${there.addresses.join(' and ')} in ${network.name}`,
      remedy: `weft detach ${there.uid}`,
    })
  }

  /** The name asked for, or the first of eth0, eth1, … that the namespace has not. @throws `conflict` */
  async #freeName(sandbox: string, { text }: Target, asked: string | undefined): Promise<string> {
    const { state } = await this.#options.kernel.observe([sandbox])
    const taken = new Set(
      state.links
        .filter(({ netns }) => netns === sandbox)
        .map(({ name }) => name)
        .concat('lo'),
    )
    if (asked !== undefined && taken.has(asked)) {
      const remedy = 'choose another one with --ifname'
      throw new WeftError('conflict', {
        what: 'the namespace has an interface of that name',
        on: asked,
        why: text,
        remedy,
      })
    }
    for (let number = 0; asked === undefined && number < MOST_INTERFACES; number++)
      if (!taken.has(`eth${number}`)) return `eth${number}`
    return asked ?? 'eth0'
  }

  async #isMade(sandbox: string, ifname: string): Promise<boolean> {
    const { state } = await this.#options.kernel.observe([sandbox])
    return state.links.some(({ netns, name }) => netns === sandbox && name === ifname)
  }
}

function isAt(finder: NamespaceFinder, path: string, cookie: string): boolean {
  try {
    return finder.identify(path).cookie === cookie
  } catch (error) {
    if (error instanceof WeftError && error.code === 'not_found') return false
    throw error
  }
}

function attachedRecord(
  record: LocalRecord,
  { name, aliases, gwPriority }: Request,
  { inode, container }: Target,
  { sandbox, ifname, boot }: { readonly sandbox: string; readonly ifname: string; readonly boot: string },
): LocalRecord {
  const known = name ?? container?.name
  return {
    ...record,
    phase: 'sandbox',
    sandbox,
    link: ifname,
    ifname,
    settled: true,
    ownGateway: true,
    attached: { inode, boot, named: name !== undefined },
    aliases,
    ...(known === undefined ? {} : { name: known }),
    ...(container === undefined ? {} : { containerId: container.id }),
    ...(gwPriority === undefined ? {} : { gwPriority }),
  }
}

function notMade({ text }: Target, problems: readonly { message: string; remedy?: string | undefined }[]): WeftError {
  const why =
    problems
      .map(({ message }) => message)
      .slice(0, 3)
      .join('; ') || 'the kernel did not make its interface'
  const remedy = problems.find((each) => each.remedy !== undefined)?.remedy ?? 'see weft status'
  return new WeftError('internal', { what: 'namespace not wired', on: text, why, remedy })
}
