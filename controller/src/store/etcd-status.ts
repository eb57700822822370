/** What an etcd says of itself, and which versions are fit to keep the truth. */
import { Etcd3 } from 'etcd3'
import { clientOptions, type EtcdOptions } from './etcd.ts'
import { fromEtcd } from './etcd-errors.ts'

export interface EtcdStatus {
  readonly version: string
  readonly dataBytes: number
  /** Alarms such as NOSPACE. */
  readonly alarms: readonly string[]
}

/** Asks one of the members, by a connection of its own. @throws as every call of the store */
export async function etcdStatus(etcd: EtcdOptions, deadlineMs: number): Promise<EtcdStatus> {
  const client = new Etcd3(clientOptions(etcd))
  try {
    const { version, dbSize, errors } = await client.maintenance.status({ deadline: Date.now() + deadlineMs })
    return { version, dataBytes: Number(dbSize), alarms: errors ?? [] }
  } catch (thrown) {
    throw fromEtcd(thrown, 'status')
  } finally {
    client.close()
  }
}

/** Why a version should not be used; undefined when it may. */
export function etcdVersionWarning(version: string): string | undefined {
  const [major = 0, minor = 0, patch = 0] = version.split('.').map((part) => Number.parseInt(part, 10))
  if (Number.isNaN(major) || major < 3 || (major === 3 && minor < 4)) return 'Weft is tried with etcd 3.4 and newer'
  if (major === 3 && minor === 5 && patch < 3) return 'etcd 3.5.0 to 3.5.2 may lose data when it is killed'
  return undefined
}
