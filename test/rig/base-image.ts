/**
 * The rig's system without Weft: a Debian tree, a kernel, an initrd, made from Debian packages alone and kept under a
 * digest of what made them. About 45 s cold; nothing but the mirror is needed.
 */
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { run } from '../../cli/src/lab/run.ts'
import { makeDebian } from '../support/make-debian.ts'
import { listedKernel, newestKernel, unpackKernel } from './kernel-image.ts'
import { CACHE } from './layout.ts'
import { say } from './progress.ts'
import { trim } from './trim.ts'

const PACKAGES = [
  ...['systemd', 'systemd-sysv', 'dbus', 'udev', 'kmod', 'iproute2', 'iptables', 'iputils-ping', 'procps'],
  ...['netcat-openbsd', 'tcpdump', 'ethtool', 'jq', 'qemu-guest-agent', 'busybox-static', 'docker.io'],
]
/** What the README's commands install, and Vagrant's box: in the mirror of the machines, with all that these ask for. */
const MIRRORED = ['etcd-server', 'nats-server', 'nftables', 'libstdc++6', 'libatomic1', 'openssh-server', 'sudo']
/** Docker is what the README finds on two of the machines; it is started there. */
const DISABLED = ['docker.service', 'docker.socket', 'containerd.service', 'systemd-networkd.service']
const GUEST = path.join(import.meta.dirname, 'guest')
const OWN_FILES = ['base-image.ts', 'kernel-image.ts', 'trim.ts', 'make-mirror', '../support/make-debian.ts'].map(
  (name) => path.join(import.meta.dirname, name),
)

export interface BaseImage {
  readonly key: string
  readonly root: string
  readonly kernel: string
  readonly initrd: string
}

/** Builds it, or finds it built. */
export async function baseImage(): Promise<BaseImage> {
  const isBuilt = ({ root }: BaseImage) => fs.existsSync(path.join(path.dirname(root), 'done'))
  const listed = await listedKernel()
  if (listed !== undefined && isBuilt(imageWith(listed))) return imageWith(listed)
  const kernel = await newestKernel()
  const image = imageWith(kernel)
  if (isBuilt(image)) return image
  const folder = path.dirname(image.root)
  fs.rmSync(folder, { recursive: true, force: true })
  fs.mkdirSync(folder, { recursive: true })
  say(`base image: Debian tree of ${PACKAGES.length} packages and ${kernel}`)
  const [modules] = await Promise.all([unpackKernel(kernel, folder), debianTree(image.root, folder)])
  say('base image: guest configuration and initrd')
  const version = kernel.replace('linux-image-', '')
  fs.rmSync(path.join(image.root, 'usr/lib/modules'), { recursive: true, force: true })
  fs.mkdirSync(path.join(image.root, 'usr/lib/modules'), { recursive: true })
  await run(['cp', '-a', modules, path.join(image.root, 'usr/lib/modules')])
  await run(['chroot', image.root, 'depmod', version])
  await configure(image.root)
  await makeInitrd(image, version, path.join(folder, 'initrd'))
  fs.rmSync(path.join(folder, 'kernel'), { recursive: true })
  fs.writeFileSync(path.join(folder, 'done'), '')
  return image
}

/** Folders of base images other than `key`; the caller removes them. */
export function otherBases(key: string): string[] {
  return fs.globSync(path.join(CACHE, 'base-*')).filter((folder) => path.basename(folder) !== `base-${key}`)
}

function imageWith(kernel: string): BaseImage {
  const key = digest(kernel)
  const folder = path.join(CACHE, `base-${key}`)
  const at = (name: string) => path.join(folder, name)
  return { key, root: at('root'), kernel: at('vmlinux'), initrd: at('initrd.gz') }
}

function digest(kernel: string): string {
  const hash = createHash('sha256').update(JSON.stringify([kernel, PACKAGES, MIRRORED, DISABLED]))
  const files = [...OWN_FILES, ...fs.readdirSync(GUEST).map((name) => path.join(GUEST, name))]
  for (const file of files) hash.update(`${path.basename(file)}\n`).update(fs.readFileSync(file))
  return hash.digest('hex').slice(0, 16)
}

async function debianTree(root: string, folder: string): Promise<void> {
  const mirror = `--customize-hook=sh ${path.join(import.meta.dirname, 'make-mirror')} "$1" ${MIRRORED.join(' ')}`
  await makeDebian(root, { packages: PACKAGES, scratch: folder, more: [mirror] })
}

async function configure(root: string): Promise<void> {
  const into = (file: string, name: string, mode = 0o644) => {
    fs.mkdirSync(path.dirname(path.join(root, file)), { recursive: true })
    fs.copyFileSync(path.join(GUEST, name), path.join(root, file))
    fs.chmodSync(path.join(root, file), mode)
  }
  for (const unit of ['rig-agent.service', 'rig-net.service', 'rig-console.service'])
    into(`etc/systemd/system/${unit}`, unit)
  into('usr/local/sbin/rig-net', 'rig-net', 0o755)
  into('etc/hosts', 'hosts')
  // No network leads to Debian's mirror from the machines: theirs is a folder, and as stock as can be otherwise.
  for (const file of ['etc/apt/sources.list', 'etc/apt/sources.list.d', 'etc/apt/apt.conf.d/99mmdebstrap'])
    fs.rmSync(path.join(root, file), { recursive: true, force: true })
  fs.mkdirSync(path.join(root, 'etc/apt/sources.list.d'))
  fs.writeFileSync(path.join(root, 'etc/apt/sources.list'), 'deb [trusted=yes] file:/var/lib/rig/mirror ./\n')
  await run(['chroot', root, 'apt-get', 'update', '-q'])
  fs.writeFileSync(path.join(root, 'etc/machine-id'), '')
  fs.rmSync(path.join(root, 'etc/resolv.conf'), { force: true })
  fs.writeFileSync(path.join(root, 'etc/resolv.conf'), '')
  const shadow = path.join(root, 'etc/shadow')
  fs.writeFileSync(shadow, fs.readFileSync(shadow, 'utf8').replace(/^root:[^:]*:/m, 'root::'))
  await run(['chroot', root, 'systemctl', 'disable', ...DISABLED])
  await run(['chroot', root, 'systemctl', 'enable', 'rig-agent', 'rig-net', 'rig-console'])
  await run(['chroot', root, 'systemctl', 'set-default', 'multi-user.target'])
  trim(root)
}

/** virtio is a module in Debian's cloud kernel, ext4 is built in: a busybox that loads four modules is enough. */
async function makeInitrd(image: BaseImage, version: string, folder: string): Promise<void> {
  for (const name of ['bin', 'mod', 'proc', 'dev', 'root']) fs.mkdirSync(path.join(folder, name), { recursive: true })
  fs.copyFileSync(path.join(image.root, 'bin/busybox'), path.join(folder, 'bin/busybox'))
  fs.symlinkSync('/bin/busybox', path.join(folder, 'bin/sh'))
  const wanted = new Set<string>()
  for (const name of ['virtio_pci', 'virtio_blk', 'virtio_net', 'virtio_console']) {
    const argv = ['chroot', image.root, 'modprobe', '-S', version, '--show-depends', name]
    for (const [, file = ''] of (await run(argv)).matchAll(/^insmod (\S+)/gm)) wanted.add(file)
  }
  for (const file of wanted) fs.copyFileSync(path.join(image.root, file), path.join(folder, 'mod', path.basename(file)))
  fs.writeFileSync(path.join(folder, 'mod/list'), [...wanted].map((file) => `${path.basename(file)}\n`).join(''))
  fs.copyFileSync(path.join(GUEST, 'init'), path.join(folder, 'init'))
  fs.chmodSync(path.join(folder, 'init'), 0o755)
  const pack = 'cd "$1" && find . | cpio -o -H newc --quiet | gzip -1 > "$2"'
  await run(['sh', '-c', pack, 'sh', folder, image.initrd])
  fs.rmSync(folder, { recursive: true })
}
