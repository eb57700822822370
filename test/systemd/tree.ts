/**
 * A Debian 12 with systemd, Docker, etcd, NATS, networkd and NetworkManager as a tree of files, from packages alone, and
 * Weft's package beside it. Kept under a digest of what made it; about a minute cold.
 */
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { buildImages } from '../../cli/src/lab/images.ts'
import { run } from '../../cli/src/lab/run.ts'
import { type BuildOptions, buildPackage, buildTarball } from '../../packaging/build.ts'
import { makeDebian } from '../support/make-debian.ts'

const ROOT = path.resolve(import.meta.dirname, '../..')
export const CACHE = process.env.WEFT_SYSTEMD_CACHE ?? path.join(os.homedir(), '.cache/weft-systemd')
const PACKAGES = [
  ...['systemd', 'systemd-sysv', 'dbus', 'udev', 'kmod', 'iproute2', 'iptables', 'nftables', 'iputils-ping', 'procps'],
  ...['ethtool', 'jq', 'libstdc++6', 'libatomic1', 'docker.io', 'etcd-server', 'etcd-client', 'nats-server'],
  'network-manager',
]
/** What an admin of Weft's would not run, or a test starts itself. */
const DISABLED = [
  ...['docker.service', 'docker.socket', 'containerd.service', 'etcd.service', 'nats-server.service'],
  ...['systemd-networkd.service', 'NetworkManager.service', 'NetworkManager-wait-online.service'],
  ...['apt-daily.timer', 'apt-daily-upgrade.timer', 'dpkg-db-backup.timer', 'e2scrub_all.timer', 'fstrim.timer'],
]
/** Of a container there is no console to log in on, and devices are not its own to be found. */
const MASKED = ['systemd-udev-trigger.service', 'console-getty.service', 'getty.target', 'systemd-logind.service']

const MADE_BY = [import.meta.filename, path.join(ROOT, 'test/support/make-debian.ts')]

/** Why machines cannot be booted here; undefined when they can. */
export function whyNot(): string | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'systemd-nspawn needs root on Linux'
  const absent = ['systemd-nspawn', 'mmdebstrap', 'eatmydata'].filter((name) => !fs.existsSync(`/usr/bin/${name}`))
  return absent.length === 0 ? undefined : `${absent.join(', ')} missing: apt-get install systemd-container mmdebstrap`
}

/** Builds the tree, or finds it built. Nobody writes to it. */
export async function debianTree(): Promise<string> {
  const hash = createHash('sha256')
  for (const file of MADE_BY) hash.update(fs.readFileSync(file))
  const key = hash.digest('hex').slice(0, 16)
  const folder = path.join(CACHE, `tree-${key}`)
  const tree = path.join(folder, 'root')
  if (fs.existsSync(path.join(folder, 'done'))) return tree
  for (const old of fs.globSync(path.join(CACHE, 'tree-*'))) fs.rmSync(old, { recursive: true, force: true })
  fs.mkdirSync(folder, { recursive: true })
  await makeDebian(tree, { packages: PACKAGES, scratch: folder })
  await run(['chroot', tree, 'systemctl', 'disable', '--quiet', ...DISABLED])
  await run(['chroot', tree, 'systemctl', 'mask', '--quiet', ...MASKED])
  fs.writeFileSync(path.join(tree, 'etc/machine-id'), '')
  fs.writeFileSync(path.join(folder, 'done'), '')
  return tree
}

const BUILD: BuildOptions = {
  root: ROOT,
  architecture: 'amd64',
  compression: 'none',
  outputFolder: path.join(CACHE, 'package'),
}

/** The same as a tar. */
export const tarball = (): Promise<string> => buildTarball(BUILD)

/** Weft's package as this checkout has it (built: tsc --build), and the tar of an image with busybox. */
export async function packages(): Promise<{ readonly deb: string; readonly busybox: string }> {
  const deb = await buildPackage(BUILD)
  const images = await buildImages(path.join(CACHE, 'images'))
  return { deb, busybox: images.find(({ name }) => name.startsWith('busybox'))?.tar ?? '' }
}
