/** The control plane's own checks: what it runs on. Asked once for the whole cluster. */
import { statfs } from 'node:fs/promises'
import { type DoctorFinding, judgeRoom, WeftError } from '@weft/shared'
import { type EtcdStatus, etcdVersionWarning } from '../store/etcd-status.ts'

export interface ServicesOptions {
  /** What is wrong with the version of NATS. */
  readonly warnings: () => readonly string[]
  readonly etcdStatus: () => Promise<EtcdStatus>
  readonly dataFolder: string
}

const ABOUT = { check: 'services', hosts: [] }
const MIB = 1024 * 1024

export async function examineServices({ warnings, etcdStatus, dataFolder }: ServicesOptions): Promise<DoctorFinding[]> {
  const tried = await Promise.all([judged(etcdStatus, judgeEtcd), judged(() => roomOf(dataFolder), judgeFolder)])
  return [...judgeWarnings(warnings()), ...tried]
}

async function judged<F>(probe: () => Promise<F>, judge: (facts: F) => DoctorFinding): Promise<DoctorFinding> {
  try {
    return judge(await probe())
  } catch (thrown) {
    return {
      ...ABOUT,
      severity: 'skipped',
      measured: `could not be tried: ${WeftError.from(thrown).message}`.slice(0, 2000),
    }
  }
}

export function judgeEtcd({ version, dataBytes, alarms }: EtcdStatus): DoctorFinding {
  const measured = `etcd ${version}, ${Math.ceil(dataBytes / MIB)} MiB of data${alarms.length > 0 ? `, alarms: ${alarms.join(', ')}` : ''}`
  const warning = etcdVersionWarning(version)
  if (alarms.length > 0)
    return {
      ...ABOUT,
      severity: 'error',
      measured,
      why: 'an etcd with an alarm refuses writes: nothing can be made or changed',
      remedy: 'etcdctl alarm list; make room (etcdctl compact, etcdctl defrag), then: etcdctl alarm disarm',
    }
  if (warning === undefined) return { ...ABOUT, severity: 'ok', measured }
  return { ...ABOUT, severity: 'warn', measured, why: warning, remedy: 'run a newer etcd: apt-get install etcd-server' }
}

function judgeFolder(room: Parameters<typeof judgeRoom>[0]): DoctorFinding {
  const { severity, measured } = judgeRoom(room)
  if (severity === 'ok') return { ...ABOUT, severity, measured: `the controller's ${measured}` }
  return {
    ...ABOUT,
    severity,
    measured: `the controller's ${measured}`,
    why: 'when it is full, the embedded etcd stops: nothing can be made or changed, though traffic goes on',
    remedy: `df -h ${room.folder}; move what is not Weft's elsewhere`,
  }
}

async function roomOf(folder: string) {
  const { bavail, blocks, bsize } = await statfs(folder)
  return { folder, freeBytes: bavail * bsize, totalBytes: blocks * bsize }
}

function judgeWarnings(warnings: readonly string[]): DoctorFinding[] {
  if (warnings.length === 0) return [{ ...ABOUT, severity: 'ok', measured: 'the NATS server is new enough' }]
  return warnings.map((measured) => ({
    ...ABOUT,
    severity: 'warn',
    measured,
    why: 'whoever reaches the port may use what later versions have mended',
    remedy: 'run a newer nats-server, or name one with --nats',
  }))
}
