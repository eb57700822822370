/** What must be on a machine before Weft is set up there. */
import fs from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { formatHostPort, type HostPort, WeftError } from '@weft/shared'

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
      const remedy = `see who: ss -ltnp sport = :${address.port} (Debian starts nats-server by itself: systemctl disable --now nats-server), or choose another ${flag}`
      throw new WeftError('conflict', { what: 'address in use', on, why: 'somebody listens there', remedy, cause })
    }
    const remedy = `choose one of this machine's with ${flag}: ip address`
    throw new WeftError('unavailable', { what: 'cannot listen', on, why, remedy, cause })
  }
  await new Promise((resolve) => server.close(resolve))
}

/** The id in /proc that runs an agent here, by its pid file; undefined when none does. */
export function runningPid(pidFile: string): number | undefined {
  if (!fs.existsSync(pidFile)) return undefined
  const pid = Number(fs.readFileSync(pidFile, 'utf8'))
  return Number.isInteger(pid) && pid > 0 && fs.existsSync(`/proc/${pid}`) ? pid : undefined
}
