import type { ClusterView } from './view.ts'

/** The host's agent, the one that joined last, keeps its lease. */
export function isAlive(view: ClusterView, host: string): boolean {
  const record = view.hosts.get(host)?.value
  return record !== undefined && view.alive.get(host)?.value.epoch === record.epoch
}
