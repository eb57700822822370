import { WeftError } from '@weft/shared'
import type { Compare, KvOp, KvRead, Txn } from './kv.ts'
import { below, inRange, type KeyRange, oneKey } from './range.ts'

/** etcd's default limit of compares, of writes and of reads in a transaction (`--max-txn-ops`), each by itself. */
export const MAX_TXN_OPS = 128

/**
 * Refuses what etcd would refuse, with a better reason and before anything is sent: too many operations; a key written
 * twice; a key put and deleted in one transaction.
 * @throws `invalid`
 */
export function checkTxn(txn: Txn): void {
  for (const [branch, list] of Object.entries(txn)) {
    if (list.length > MAX_TXN_OPS) {
      throw new WeftError('invalid', {
        what: 'too many operations in a transaction',
        on: `${list.length} in "${branch}"`,
        why: `etcd takes ${MAX_TXN_OPS}`,
        remedy: 'split the batch',
      })
    }
  }
  const puts = new Set<string>()
  const deleted: KeyRange[] = []
  for (const op of txn.then) {
    if (!('put' in op)) deleted.push('delete' in op ? oneKey(op.delete) : below(op.deleteRange))
    else if (puts.has(oneKey(op.put).from)) throw writtenTwice(op.put)
    else puts.add(op.put)
  }
  for (const key of puts) if (deleted.some((range) => inRange(key, range))) throw writtenTwice(key)
}

/** A transaction: under these conditions these writes, or else these reads. */
export function when(conditions: readonly Compare[], writes: readonly KvOp[], otherwise: readonly KvRead[] = []): Txn {
  // biome-ignore lint/suspicious/noThenProperty: the field's own word for the branch; plain data, never awaited
  return { if: conditions, then: writes, else: otherwise }
}

function writtenTwice(key: string): WeftError {
  return new WeftError('invalid', { what: 'key written twice in one transaction', on: key })
}
