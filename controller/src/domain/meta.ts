import { WeftError } from '@weft/shared'
import { type DomainDeps, nowText } from './deps.ts'
import { commitAlone } from './group-commit.ts'
import { keys } from './pure/keys.ts'
import { ClusterRecord, decode, IncarnationRecord } from './pure/records.ts'

const CLUSTER_ID_LENGTH = 20

/**
 * The cluster's id and incarnation, made once by whichever controller comes first.
 * @throws `internal` when only one of the two records is there: somebody removed the other by hand
 */
export async function ensureMeta(
  deps: Pick<DomainDeps, 'kv' | 'clock' | 'randomText'>,
): Promise<{ cluster: string; incarnation: number }> {
  const req = `meta:${deps.randomText(CLUSTER_ID_LENGTH)}`
  const id = deps.randomText(CLUSTER_ID_LENGTH)
  const record: typeof ClusterRecord._output = { v: 1, req, id, createdAt: nowText(deps.clock) }
  const answer = await commitAlone(deps.kv, {
    when: [
      { key: keys.cluster, create: 0 },
      { key: keys.incarnation, create: 0 },
    ],
    write: [
      { put: keys.cluster, value: JSON.stringify(record) },
      { put: keys.incarnation, value: JSON.stringify({ v: 1, req, incarnation: 1 }) },
    ],
    read: [{ get: keys.cluster }, { get: keys.incarnation }],
    requestId: req,
  })
  if (answer.succeeded) return { cluster: id, incarnation: 1 }
  const [cluster, incarnation] = answer.reads.map(({ entries }) => entries[0])
  if (cluster === undefined || incarnation === undefined) {
    throw new WeftError('internal', {
      what: 'half of the cluster’s identity is missing',
      on: cluster === undefined ? keys.cluster : keys.incarnation,
      why: 'both records are made together',
      remedy: 'restore the missing key from a backup',
    })
  }
  return {
    cluster: decode(ClusterRecord, cluster).value.id,
    incarnation: decode(IncarnationRecord, incarnation).value.incarnation,
  }
}
