/** What must be on a machine before Weft is set up there. */
import fs from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { formatHostPort, type HostPort, WeftError } from '@weft/shared'
import { run } from '../lab/run.ts'

/** The programs that the embedded controller runs, and the Debian packages that have them. */
const PROGRAMS = { etcd: 'etcd-server', 'nats-server': 'nats-server' } as const
/** Debian puts nats-server into /usr/sbin, which is not in everyone's PATH. */
const SBIN = ['/usr/local/sbin', '/usr/sbin', '/sbin']

/** @throws `unavailable` naming all packages that are missing */
export function checkPrograms(searchPath: string): void {
  const folders = [...searchPath.split(':').filter(Boolean), ...SBIN]
  const missing = Object.entries(PROGRAMS).filter(
    ([program]) => !folders.some((folder) => fs.existsSync(path.join(folder, program))),
  )
  if (missing.length === 0) return
  throw new WeftError('unavailable', {
    what: 'program not found',
    on: missing.map(([program]) => program).join(', '),
    why: 'the controller keeps its records in etcd and speaks to its hosts over NATS',
    remedy: `apt-get install ${missing.map(([, debianPackage]) => debianPackage).join(' ')}`,
  })
}

/** @throws `conflict` when somebody listens there, `unavailable` when this machine does not have the address */
export async function checkPortFree(address: HostPort, flag: string): Promise<void> {
  const server = net.createServer()
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen({ host: address.host, port: address.port }, resolve)
    })
  } catch (cause) {
    const { code, message: why } = cause as NodeJS.ErrnoException
    const on = formatHostPort(address)
    if (code === 'EADDRINUSE') {
      const { who, end } = await listenerOn(address.port)
      const remedy = `${end}, or choose another ${flag}`
      throw new WeftError('conflict', { what: 'address in use', on, why: `${who} listens there`, remedy, cause })
    }
    const remedy = `choose one of this machine's with ${flag}: ip address`
    throw new WeftError('unavailable', { what: 'cannot listen', on, why, remedy, cause })
  }
  await new Promise((resolve) => server.close(resolve))
}

/** Who listens on a TCP port of this machine, and what ends that: a unit of systemd's is told by its control group. */
async function listenerOn(port: number): Promise<{ readonly who: string; readonly end: string }> {
  const unknown = { who: 'somebody', end: `see who: ss -ltnp sport = :${port}` }
  const table = await run(['ss', '-H', '-ltnp', `sport = :${port}`]).catch(() => '')
  const [, program, pid] = /users:\(\("([^"]+)",pid=(\d+)/.exec(table) ?? []
  if (program === undefined || pid === undefined) return unknown
  const groups = `/proc/${pid}/cgroup`
  const [, unit] = /\/([^/]+\.service)$/m.exec(fs.existsSync(groups) ? fs.readFileSync(groups, 'utf8') : '') ?? []
  if (unit === undefined) return { who: `${program} (process ${pid})`, end: 'end it' }
  return { who: `${program} of ${unit}`, end: `systemctl disable --now ${unit}` }
}

/** The id in /proc that runs an agent here, by its pid file; undefined when none does. */
export function runningPid(pidFile: string): number | undefined {
  if (!fs.existsSync(pidFile)) return undefined
  const pid = Number(fs.readFileSync(pidFile, 'utf8'))
  return Number.isInteger(pid) && pid > 0 && fs.existsSync(`/proc/${pid}`) ? pid : undefined
}
