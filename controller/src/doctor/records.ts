/** Records in etcd that cannot be read. Pure. */
import type { DoctorFinding } from '@weft/shared'
import { type ClusterView, damages, furtherDamage } from '../domain/index.ts'

const ABOUT = { check: 'services', hosts: [] }

/** An error where hosts get no intents for it. */
export function judgeRecords(view: ClusterView): DoctorFinding[] {
  const found = damages(view)
  if (found.length === 0) return [{ ...ABOUT, severity: 'ok', measured: 'every record in etcd can be read' }]
  return [
    ...found.map(({ key, why, effect, remedy, holds }) => ({
      ...ABOUT,
      severity: holds ? ('error' as const) : ('warn' as const),
      measured: `etcd record ${key} cannot be read: ${why}`.slice(0, 2000),
      why: effect,
      remedy,
    })),
    ...furtherDamage(view).map((measured) => ({
      ...ABOUT,
      severity: 'warn' as const,
      measured,
      why: 'those that keep intents from hosts come first',
      remedy: 'mend these first, then: weft doctor',
    })),
  ]
}
