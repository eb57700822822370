/** Carries out ops in order; neighbours in the list that can travel in one send do. */
import { setImmediate as turn } from 'node:timers/promises'
import { formatOp, type Op, WeftError } from '@weft/shared'
import { errnoError } from '../errno.ts'
import { forgetUdpFlows } from '../flows.ts'
import type { OpFailure } from '../kernel.ts'
import type { Request } from '../netlink/message.ts'
import { BATCH_MESSAGES } from '../netlink/transport.ts'
import type { NftOp } from '../nft/tables.ts'
import { addLink } from './add-link.ts'
import { deleteLinks } from './delete-links.ts'
import { setLink } from './set-link.ts'
import { absentErrnos, isRemoval, isTableOp, linkOfEntry, type TableOp, tableRequest } from './table-op.ts'
import type { Writer } from './writer.ts'

type LinkDelete = Extract<Op, { op: 'link-delete' }>

/** What is not done by netlink messages on links. */
export interface Others {
  /** Carries out ops on the nft tables of one netns in one transaction, or throws. */
  nft(netns: string, ops: readonly NftOp[]): void
  addNamespace(op: Extract<Op, { op: 'netns-add' }>): Promise<void>
  forward(op: Extract<Op, { op: 'host-forwarding-set' }>): Promise<void>
  deleteNamespace(op: Extract<Op, { op: 'netns-delete' }>): Promise<void>
}

/** Applies all ops and returns the failures in their order. The event loop turns between batches. */
export async function applyOps(writer: Writer, ops: readonly Op[], others: Others): Promise<OpFailure[]> {
  const failures: OpFailure[] = []
  for (const run of runsOf(ops)) {
    const [first] = run
    if (first === undefined) continue
    if (isTableOp(first)) failures.push(...applyEntries(writer, run as readonly TableOp[]))
    else if (first.op === 'link-delete') failures.push(...applyDeletes(writer, run as readonly LinkDelete[]))
    else if (isNftOp(first)) failures.push(...applyTables(others.nft, run as readonly NftOp[]))
    else failures.push(...(await applyOne(writer, first, others)))
    await turn()
  }
  return failures
}

/** Cuts the list where order or size demands it: runs of entries, of removals of links, of nft tables of one netns. */
function runsOf(ops: readonly Op[]): Op[][] {
  const runs: Op[][] = []
  let key = ''
  for (const op of ops) {
    const next = runKey(op)
    const run = runs.at(-1)
    if (run !== undefined && next !== undefined && next === key && run.length < BATCH_MESSAGES) run.push(op)
    else runs.push([op])
    key = next ?? ''
  }
  return runs
}

function runKey(op: Op): string | undefined {
  if (isTableOp(op)) return `entries ${linkOfEntry(op).netns}`
  if (isNftOp(op)) return `tables ${op.table.netns}`
  return op.op === 'link-delete' ? `removals ${op.netns}` : undefined
}

async function applyOne(writer: Writer, op: Op, others: Others): Promise<OpFailure[]> {
  try {
    if (op.op === 'link-add') addLink(writer, op.link)
    else if (op.op === 'link-set') setLink(writer, op.netns, op.name, op.set)
    else if (op.op === 'flows-forget') forgetUdpFlows(new Set(op.ports))
    else if (op.op === 'host-forwarding-set') await others.forward(op)
    else if (op.op === 'netns-add') await others.addNamespace(op)
    else if (op.op === 'netns-delete') {
      writer.leave(op.netns)
      await others.deleteNamespace(op)
    }
    return []
  } catch (error) {
    return [failure(op, error)]
  }
}

function isNftOp(op: Op): op is NftOp {
  return op.op === 'nft-table-set' || op.op === 'nft-table-delete'
}

/** One transaction; when it is refused, one for each, so that the others hold and the culprit is named. */
function applyTables(applyNft: Others['nft'], ops: readonly NftOp[]): OpFailure[] {
  const netns = ops[0]?.table.netns ?? ''
  try {
    applyNft(netns, ops)
    return []
  } catch (error) {
    const [op, ...more] = ops
    if (op === undefined || (op.op === 'nft-table-delete' && isGone(error))) return []
    return more.length === 0 ? [failure(op, error)] : ops.flatMap((each) => applyTables(applyNft, [each]))
  }
}

function applyDeletes(writer: Writer, ops: readonly LinkDelete[]): OpFailure[] {
  const netns = ops[0]?.netns ?? ''
  try {
    const names = ops.map((op) => op.name)
    const errors = deleteLinks(writer, netns, names)
    return [...errors]
      .sort(([a], [b]) => a - b)
      .flatMap(([position, error]) => {
        const op = ops[position]
        return op === undefined ? [] : [failure(op, error)]
      })
  } catch (error) {
    return isGone(error) ? [] : ops.map((op) => failure(op, error))
  }
}

function applyEntries(writer: Writer, ops: readonly TableOp[]): OpFailure[] {
  const failures = new Map<TableOp, OpFailure>()
  const sent: TableOp[] = []
  const requests: Request[] = []
  for (const op of ops) {
    const { netns, link } = linkOfEntry(op)
    try {
      const request = tableRequest(op, writer.needOurs(netns, link))
      if (request === undefined) continue
      requests.push(request)
      sent.push(op)
    } catch (error) {
      if (!(isRemoval(op) && isGone(error))) failures.set(op, failure(op, error))
    }
  }
  try {
    const refusals = requests.length === 0 ? [] : writer.socket(linkOfEntry(ops[0] as TableOp).netns).batch(requests)
    for (const refusal of refusals) {
      const op = sent[refusal.index]
      if (op === undefined || absentErrnos(op).includes(refusal.errno)) continue
      failures.set(op, failure(op, errnoError(refusal.errno, { what: 'entry not set' }, refusal.message)))
    }
  } catch (error) {
    for (const op of sent) failures.set(op, failure(op, error))
  }
  return ops.flatMap((op) => failures.get(op) ?? [])
}

function isGone(error: unknown): boolean {
  return error instanceof WeftError && error.code === 'not_found'
}

/** The error as the op's own: "on" is the op as an iproute2 line, what the error was on goes into its reason. */
function failure(op: Op, thrown: unknown): OpFailure {
  const error = WeftError.from(thrown, 'kernel change failed')
  const { on, why } = error.parts
  const reason = [on, why].filter((part) => part !== undefined).join(': ')
  return { op, error: new WeftError(error.code, { ...error.parts, on: formatOp(op), why: reason, cause: thrown }) }
}
