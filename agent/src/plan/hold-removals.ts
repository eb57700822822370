/**
 * What is left of a plan while nothing may be removed. A link to be made anew stays as it is, as a whole: without its
 * removal its creation would fail, and what is set on it was meant for the new one.
 */
import type { Op } from '@weft/shared'
import { linkKey } from './link-kinds.ts'
import { subjectOfOp } from './subject-of-op.ts'

export function holdRemovals(ops: readonly Op[]): Op[] {
  const held = new Set(ops.flatMap((op) => (op.op === 'link-delete' ? linkKey(op) : [])))
  // The other end of a pair would have gone, and come, with its port.
  for (const op of ops) {
    if (op.op !== 'link-add' || op.link.kind !== 'veth' || op.link.peer === undefined) continue
    if (held.has(linkKey(op.link))) held.add(linkKey(op.link.peer))
  }
  return ops.filter((op) => !op.op.endsWith('-delete') && !held.has(subjectOfOp(op)))
}
