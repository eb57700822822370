/** What one run of `apply` holds: a socket per netns and the links met so far, by name. */
import { FABRIC_NETNS, isSandbox, WeftError } from '@weft/shared'
import type { NetlinkSocket } from '../netlink/transport.ts'
import type { Namespaces } from '../netns.ts'
import { findLink, isOwned, type LinkRow } from '../read/link-row.ts'
import { openSandbox, type Sockets } from '../read/observe.ts'

export class Writer {
  readonly namespaces: Namespaces
  readonly #sockets: Sockets
  readonly #sandboxes = new Map<string, NetlinkSocket>()
  readonly #links = new Map<string, LinkRow>()

  constructor(namespaces: Namespaces, sockets: Sockets) {
    this.namespaces = namespaces
    this.#sockets = sockets
  }

  /** The socket of a netns. Throws `not_found` for a sandbox that is gone. */
  socket(netns: string): NetlinkSocket {
    if (netns === '') return this.#sockets.own
    if (netns === FABRIC_NETNS) return this.#sockets.fabric
    const open = this.#sandboxes.get(netns) ?? openSandbox(this.namespaces, netns)
    if (open === undefined) throw new WeftError('not_found', { what: 'sandbox is gone', on: netns })
    this.#sandboxes.set(netns, open)
    return open
  }

  find(netns: string, name: string): LinkRow | undefined {
    const key = `${netns} ${name}`
    const row = this.#links.get(key) ?? findLink(this.socket(netns), name)
    if (row !== undefined) this.#links.set(key, row)
    return row
  }

  /** The link, or `not_found`. */
  need(netns: string, name: string): LinkRow {
    const row = this.find(netns, name)
    if (row !== undefined) return row
    throw new WeftError('not_found', { what: 'no such link', on: name, why: `not in ${netnsText(netns)}` })
  }

  /**
   * The link, which we may alter: outside of sandboxes it must carry our mark (in a sandbox Docker has renamed it).
   * Throws `not_found`, or `denied` for what is not ours.
   */
  needOurs(netns: string, name: string): LinkRow {
    const row = this.need(netns, name)
    refuseForeign(netns, row)
    return row
  }

  /** Closes what would keep the netns alive when it is removed. */
  leave(netns: string): void {
    this.#sandboxes.get(netns)?.close()
    this.#sandboxes.delete(netns)
    this.forgetLinks()
  }

  /** To be called when links were made, removed, renamed or altered. */
  forgetLinks(): void {
    this.#links.clear()
  }

  close(): void {
    for (const socket of this.#sandboxes.values()) socket.close()
    this.#sandboxes.clear()
  }
}

/** Never touch what is not ours. */
export function refuseForeign(netns: string, row: LinkRow): void {
  if (isSandbox(netns) || isOwned(row)) return
  throw new WeftError('denied', {
    what: 'link is not ours',
    on: row.name,
    why: 'it does not carry the mark of Weft (link group and name)',
    remedy: 'rename or remove it by hand if Weft is to have the name',
  })
}

export function netnsText(netns: string): string {
  if (netns === '') return "the host's network namespace"
  return netns === FABRIC_NETNS ? 'the fabric namespace' : netns
}
