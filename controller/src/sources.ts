/** The cluster as the publisher and the status look at it: narrow views of the cache, so that both are tested without it. */
import type { StatusSource } from './api/status.ts'
import {
  affectedHosts,
  type ClusterCache,
  type ClusterChange,
  compileHost,
  damageWarnings,
  heldHosts,
  missingShims,
  shimsInPlace,
} from './domain/index.ts'
import type { Board } from './intents/board.ts'
import type { IntentSource, Publisher } from './intents/publisher.ts'
import type { Targets } from './intents/targets.ts'

export function intentSource(cluster: ClusterCache): IntentSource<ClusterChange> {
  const view = () => cluster.current()
  return {
    revision: () => view().revision,
    cluster: () => view().cluster ?? '',
    incarnation: () => view().incarnation,
    hosts: () => [...view().hosts.values()].map(({ value }) => ({ id: value.id, epoch: value.epoch })),
    onHold: () => heldHosts(view()),
    compile: (host) => compileHost(view(), host),
    affected: (change) => affectedHosts(view(), change),
    changes: (signal) => cluster.changes(signal),
    waitFor: (revision, signal) => cluster.waitFor(revision, signal),
  }
}

/** @param warnings what an admin should know whatever he asks */
export function statusSource(
  cluster: ClusterCache,
  parts: { readonly board: Board; readonly targets: Targets; readonly publisher: Publisher<ClusterChange> },
  warnings: () => readonly string[],
): StatusSource {
  return {
    board: parts.board,
    hosts: () => {
      const { hosts, alive } = cluster.current()
      return [...hosts.values()].map(({ value: { id, epoch } }) => {
        return { id, epoch, alive: alive.get(id)?.value.epoch === epoch }
      })
    },
    onHold: () => cluster.current().lost.size > 0,
    target: (host) => parts.targets.position(host),
    targetsAt: (revision, signal) => parts.publisher.targetsAt(revision, signal),
    followUps: (signal) => shimsInPlace(cluster, signal),
    summary: () => {
      const view = cluster.current()
      return {
        cluster: view.cluster ?? '',
        incarnation: view.incarnation,
        revision: view.revision,
        networks: view.networks.size,
        endpoints: view.endpoints.size - view.placed.size,
        warnings: [...warnings(), ...damageWarnings(view), ...missingShims(view)],
      }
    },
  }
}
