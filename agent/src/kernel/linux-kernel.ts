/** The kernel of this host: netlink for links and their entries, libnftables for tables, `ip monitor` as doorbell. */
import { FABRIC_NETNS, formatOp, type Op, WeftError } from '@weft/shared'
import { oneAtATime } from '../one-at-a-time.ts'
import { announce } from './announce.ts'
import { ringOnChanges } from './doorbell.ts'
import { ensureNetns, type FabricMode, fabricGone, netnsMark, prepareFabric } from './fabric.ts'
import { openHostForwarding } from './host-forwarding.ts'
import type { Kernel, KernelLog, Observation, OpFailure } from './kernel.ts'
import { PROTOCOL } from './netlink/channel.ts'
import { assignNsid } from './netlink/nsid.ts'
import { openNetlink } from './netlink/transport.ts'
import { netnsPath, openNamespaces } from './netns.ts'
import { openNft } from './nft/run-nft.ts'
import { createNftTables } from './nft/tables.ts'
import { findLinks, observeAll } from './read/observe.ts'
import { addNamespace, deleteNamespace, observeNamespaces } from './router-netns.ts'
import { applyOps } from './write/apply.ts'
import { Writer } from './write/writer.ts'

export interface LinuxKernelOptions {
  /** Name of the fabric netns (under /run/netns), made when it is missing. */
  readonly fabricNetns: string
  readonly fabric: FabricMode
  readonly log: KernelLog
}

export interface LinuxKernel extends Kernel {
  /** Resolves when the fabric has been removed: what is open here is of one that nobody else can enter. */
  readonly lost: Promise<WeftError>
  /** Closes sockets and descriptors; nothing in the kernel is undone. */
  close(): void
}

/**
 * Opens the kernel of the calling (main) thread's netns. Needs CAP_NET_ADMIN and CAP_SYS_ADMIN there, and the programs
 * ip, setpriv and unshare, and libnftables.
 */
export async function createLinuxKernel({ fabricNetns, fabric, log }: LinuxKernelOptions): Promise<LinuxKernel> {
  await ensureNetns(fabricNetns, fabric)
  const fabricPath = netnsPath(fabricNetns)
  const mark = netnsMark(fabricPath)
  const lost = Promise.withResolvers<WeftError>()
  const namespaces = await openNamespaces(fabricPath)
  prepareFabric(namespaces)
  const sockets = {
    own: openNetlink(),
    fabric: namespaces.within(FABRIC_NETNS, () => openNetlink()),
  }
  const nftSockets = new Map(
    ['', FABRIC_NETNS].map(
      (netns) => [netns, namespaces.within(netns, () => openNetlink(PROTOCOL.netfilter))] as const,
    ),
  )
  const tables = createNftTables(namespaces, openNft(), nftSockets)
  const forwarding = openHostForwarding()
  const exclusively = oneAtATime()
  let watched = new Set<string>()

  /** Sandboxes seen for the first time get their number in the fabric, so that the doorbell hears them. */
  function watch(sandboxes: readonly string[], missing: readonly string[]): void {
    const present = new Set(sandboxes.filter((sandbox) => !missing.includes(sandbox)))
    for (const sandbox of present) {
      if (watched.has(sandbox)) continue
      try {
        namespaces.withDescriptor(sandbox, (fd) => assignNsid(sockets.fabric, fd))
      } catch (error) {
        // Gone since it was read: there is nothing left to watch.
        if (!(error instanceof WeftError && error.code === 'not_found')) throw error
      }
    }
    watched = present
  }

  const unmonitored = () => `${tables.generation(['', FABRIC_NETNS])} ${netnsMark(fabricPath)}`

  /** @throws `unavailable` once the fabric is another, or none: our sockets would go on in the old one, unseen. */
  function checkFabric(): void {
    if (netnsMark(fabricPath) === mark) return
    const gone = fabricGone(fabricPath)
    lost.resolve(gone)
    throw gone
  }

  return {
    lost: lost.promise,

    observe: (sandboxes) =>
      exclusively(async (): Promise<Observation> => {
        checkFabric()
        const hostForwarding = [...(await forwarding.read(tables.generation([''])))]
        const routers = observeNamespaces(namespaces)
        const others = [...routers.map(({ netns }) => netns), ...sandboxes]
        const { state, missing } = observeAll(namespaces, sockets, others)
        watch(others, missing)
        const gone = new Set(missing)
        const seen = ['', FABRIC_NETNS, ...new Set(others.filter((netns) => !gone.has(netns)))]
        const nftTables = seen.flatMap(tables.observe)
        return { state: { ...state, namespaces: routers, nftTables, hostForwarding }, missing }
      }),

    find: (refs) => exclusively(async () => findLinks(namespaces, sockets, refs)),

    apply: (ops: readonly Op[]) =>
      exclusively(async (): Promise<readonly OpFailure[]> => {
        if (ops.length === 0) return []
        const writer = new Writer(namespaces, sockets)
        try {
          const failures = await applyOps(writer, ops, {
            nft: tables.apply,
            forward: ({ families }) => forwarding.set(families),
            addNamespace: ({ namespace }) => addNamespace(namespaces, fabric, namespace),
            deleteNamespace: ({ netns }) => deleteNamespace(namespaces, fabric, netns),
          })
          for (const op of ops) log.debug({ op: op.op }, formatOp(op))
          return failures
        } finally {
          writer.close()
        }
      }),

    announce: (announcements) =>
      exclusively(async () => {
        for (const each of announcements) {
          try {
            announce(namespaces, each)
          } catch (error) {
            // It went away since it was planned; what follows is planned anew.
            const { code, message } = WeftError.from(error)
            log.warn({ link: each.link, netns: each.netns, code, error: message }, 'address not announced')
          }
        }
      }),

    changes: (signal) => ringOnChanges({ fabricNetns, unmonitored, log }, signal),

    close: () => {
      sockets.own.close()
      sockets.fabric.close()
      for (const socket of nftSockets.values()) socket.close()
      namespaces.close()
    },
  }
}
