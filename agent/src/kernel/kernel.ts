/**
 * The seam between the plan and Linux: read everything, carry out ops, ring when something moved.
 * Two implementations: {@link createLinuxKernel} and the strict {@link createFakeKernel}; one conformance suite
 * (test/conformance/kernel.ts) runs over both.
 */
import type { Announcement, HostState, Link, LinkRef, Op, WeftError } from '@weft/shared'
import type { Logger } from 'pino'

/** What the kernel needs of a log. */
export type KernelLog = Pick<Logger, 'debug' | 'warn'>

export interface Observation {
  readonly state: HostState
  /** Sandboxes that were asked for and no longer exist; nothing about them is in `state`. */
  readonly missing: readonly string[]
}

export interface OpFailure {
  readonly op: Op
  readonly error: WeftError
}

export interface Kernel {
  /**
   * A full dump of the own netns, the fabric and the given sandboxes (absolute paths of namespace files).
   *
   * - Own netns: every link but `lo`; foreign ones too (`owned: false`), since NICs and admins' sub-interfaces matter.
   * - Fabric: owned links. Sandboxes: every link but `lo`.
   * - Addresses: of owned links and of all links of sandboxes, link-local ones left out.
   * - Routes: of sandboxes, main table, unicast, not those that the kernel made of an address.
   * - Neighbours: permanent, on owned links. FDB: static, on owned vxlan devices (self) and on ports of owned bridges
   *   (master), the ports' own addresses left out.
   * - nft tables: ours, as they were set, or without sets and chains when they were altered since.
   */
  observe(sandboxes: readonly string[]): Promise<Observation>
  /**
   * Those of the named links of the own netns and the fabric that exist, each as `observe` would tell it as far as what it
   * names (bridge, parent, other end) is among `refs`, too. Foreign links of the fabric are told.
   */
  find(refs: readonly LinkRef[]): Promise<readonly Link[]>
  /**
   * Carries out `ops` in order, batched where that changes nothing; goes on after a failure and returns all failures in
   * the order of the ops. Removing what is absent and setting what is so already succeed. An op on a sandbox that no
   * longer exists succeeds when it removes, else fails with `not_found`.
   */
  apply(ops: readonly Op[]): Promise<readonly OpFailure[]>
  /** Says on the wire, once, that these addresses are here; those whose link or netns is gone are passed over. */
  announce(announcements: readonly Announcement[]): Promise<void>
  /**
   * Something in the kernel changed, no word about what: a doorbell. Rings are coalesced (50 ms). Watched are the own
   * netns, the fabric, and every sandbox that an `observe` has named. Ends when `signal` aborts.
   */
  changes(signal: AbortSignal): AsyncIterable<void>
}
