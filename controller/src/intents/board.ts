/** What the hosts said last, and how far each is: the number behind `weft status`. Memory only; hosts say it again. */
import type { AgentRequest, HostStatus, Position } from '@weft/shared'

export type StatusReport = AgentRequest<'status'>

interface Row {
  readonly report: StatusReport
  readonly atMs: number
}

export interface BoardOptions {
  readonly monotonicMs: () => number
}

export class Board {
  readonly #rows = new Map<string, Row>()
  readonly #listeners = new Set<() => void>()
  readonly #monotonicMs: () => number

  constructor(options: BoardOptions) {
    this.#monotonicMs = options.monotonicMs
  }

  /** Takes a report; one of an older epoch, or one overtaken by a later one of the same agent, is left aside. */
  record(host: string, report: StatusReport): void {
    const old = this.#rows.get(host)?.report
    if (old !== undefined) {
      if (report.epoch < old.epoch) return
      if (report.epoch === old.epoch && report.instance === old.instance && isOlder(report, old)) return
    }
    this.#rows.set(host, { report, atMs: this.#monotonicMs() })
    this.changed()
  }

  /** What the host said last that it has taken in. */
  accepted(host: string): Position | undefined {
    return this.#rows.get(host)?.report.accepted
  }

  forget(host: string): void {
    if (this.#rows.delete(host)) this.changed()
  }

  /** Tells everyone who waits that something moved: a report, a target, a host. */
  changed(): void {
    for (const listener of [...this.#listeners]) listener()
  }

  /** Calls the listener at every change, until the returned function is called. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** How a host stands against its target. */
  status(host: { readonly id: string; readonly alive: boolean; readonly epoch: number }, target: Position): HostStatus {
    const row = this.#rows.get(host.id)
    const report = row !== undefined && row.report.epoch >= host.epoch ? row.report : undefined
    return {
      id: host.id,
      alive: host.alive,
      target,
      ...(report === undefined ? {} : { accepted: report.accepted, applied: report.applied }),
      reportAgeMs: row === undefined ? null : Math.round(this.#monotonicMs() - row.atMs),
      problems: report?.problems ?? [],
      converged: host.alive && report !== undefined && hasReached(report, target),
    }
  }
}

/**
 * True when the host has applied the target or something later: the entries are the same (whatever revision each side
 * counts them from), or the host is past it in the same incarnation; and it has no problem.
 */
export function hasReached(
  report: { readonly accepted: Position; readonly applied: number; readonly problems: readonly unknown[] },
  target: Position,
): boolean {
  const { accepted, applied, problems } = report
  if (problems.length > 0 || accepted.incarnation !== target.incarnation || applied < accepted.revision) return false
  return accepted.digest === target.digest || accepted.revision > target.revision
}

function isOlder(report: StatusReport, old: StatusReport): boolean {
  const [a, b] = [report.accepted, old.accepted]
  if (a.incarnation !== b.incarnation) return a.incarnation < b.incarnation
  return a.revision !== b.revision ? a.revision < b.revision : report.applied < old.applied
}
