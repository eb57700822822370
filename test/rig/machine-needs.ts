/** What the machine under the rig must have; Debian packages that lack are installed. */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { WeftError } from '@weft/shared'
import { run } from '../../cli/src/lab/run.ts'
import { say } from './progress.ts'

/** Debian package by the program or file that shows that it is there. */
const PROGRAMS = {
  'qemu-system-x86_64': 'qemu-system-x86',
  'qemu-img': 'qemu-utils',
  mmdebstrap: 'mmdebstrap',
  eatmydata: 'eatmydata',
  busybox: 'busybox-static',
  cpio: 'cpio',
  lz4: 'lz4',
  mke2fs: 'e2fsprogs',
}
/** What Vagrant wants beside it. libvirt's units are not among it: a daemon is started for as long as it is needed. */
export const VAGRANT_PROGRAMS = {
  vagrant: 'vagrant',
  '/usr/share/doc/vagrant-libvirt': 'vagrant-libvirt',
  libvirtd: 'libvirt-daemon',
  '/usr/share/doc/libvirt-daemon-driver-qemu': 'libvirt-daemon-driver-qemu',
  dnsmasq: 'dnsmasq-base',
}
/** That of the machines, and their translation caches. */
const MEMORY_MIB = 5120

/** Why the rig cannot run here at all; undefined when it can, perhaps after packages are installed. */
export function whyNot(): string | undefined {
  if (process.platform !== 'linux' || process.arch !== 'x64') return `it needs x86-64 Linux, not ${process.arch}`
  if (process.getuid?.() !== 0) return 'building its image needs root (chroot, overlay)'
  const freeMiB = Math.round(os.freemem() / 2 ** 20)
  if (freeMiB < MEMORY_MIB) return `three VMs want ${MEMORY_MIB} MiB of memory, ${freeMiB} MiB are free`
  if (missing().length > 0 && !has('apt-get')) return `${missing().join(', ')} missing, and there is no apt-get`
  return undefined
}

/** Installs what lacks. Throws `unavailable` with apt's words. */
export async function installNeeds(programs: Readonly<Record<string, string>> = PROGRAMS): Promise<void> {
  const packages = missing(programs)
  if (packages.length === 0) return
  say(`Debian packages: ${packages.join(' ')}`)
  const env = { DEBIAN_FRONTEND: 'noninteractive' }
  try {
    const retries = ['-o', 'Acquire::Retries=5']
    await run(['apt-get', 'update', '-q', ...retries], { env, timeoutMs: 120_000 })
    const options = ['-y', '-q', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=120', ...retries]
    await run(['apt-get', 'install', ...options, ...packages], { env, timeoutMs: 300_000 })
  } catch (cause) {
    const why = WeftError.from(cause).message
    throw new WeftError('unavailable', { what: 'packages of the rig', on: packages.join(' '), why, cause })
  }
}

function missing(programs: Readonly<Record<string, string>> = PROGRAMS): string[] {
  return Object.entries(programs).flatMap(([program, name]) => (has(program) ? [] : [name]))
}

function has(program: string): boolean {
  if (path.isAbsolute(program)) return fs.existsSync(program)
  const folders = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/sbin']
  return folders.some((folder) => fs.existsSync(`${folder}/${program}`))
}
