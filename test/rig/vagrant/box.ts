/**
 * The rig's system as a Vagrant box for libvirt: the same tree, kernel and initrd, with what Vagrant wants of a box. It has no
 * boot loader: the Vagrantfile names kernel and initrd. About 20 s to make.
 */
import fs from 'node:fs'
import path from 'node:path'
import { WeftError } from '@weft/shared'
import { run } from '../../../cli/src/lab/run.ts'
import { baseImage } from '../base-image.ts'
import { DISK_GIB, keptDisk, rigPackage } from '../image.ts'
import { CACHE } from '../layout.ts'
import { say } from '../progress.ts'
import { KERNEL_WORDS } from '../qemu.ts'

/** QEMU emulates all of it; what it has more than the rig's own model costs time. */
const CPU_MODEL = 'Nehalem'
const INTO_BOX = path.join(import.meta.dirname, 'into-box')
const METADATA = { provider: 'libvirt', format: 'qcow2', virtual_size: DISK_GIB }

/** Builds box and package, or finds them built. @returns what the Vagrantfile reads of the environment */
export async function vagrantBox(): Promise<Readonly<Record<string, string>>> {
  fs.mkdirSync(CACHE, { recursive: true })
  const base = await baseImage()
  const prepare = [INTO_BOX, await insecureKey()] as const
  const disk = await keptDisk('vagrant', { base, files: new Map(), prepare })
  const box = disk.replace(/\.raw$/, '.box')
  if (!fs.existsSync(box)) await pack(disk, box)
  return {
    WEFT_BOX: path.basename(box, '.box'),
    WEFT_BOX_URL: `file://${box}`,
    WEFT_DEB: await rigPackage(),
    WEFT_DRIVER: 'qemu',
    WEFT_CPU_MODEL: CPU_MODEL,
    WEFT_KERNEL: base.kernel,
    WEFT_INITRD: base.initrd,
    WEFT_CMDLINE: KERNEL_WORDS,
  }
}

/** A box is a tar of its disk and of what that is. */
async function pack(disk: string, box: string): Promise<void> {
  say(`box: ${path.basename(box)}`)
  for (const old of fs.globSync(path.join(CACHE, 'vagrant-*.box'))) fs.rmSync(old)
  const work = fs.mkdtempSync(path.join(CACHE, 'work-'))
  try {
    await run(['nice', 'qemu-img', 'convert', '-O', 'qcow2', disk, path.join(work, 'box.img')], { timeoutMs: 180_000 })
    fs.writeFileSync(path.join(work, 'metadata.json'), JSON.stringify(METADATA))
    await run(['nice', 'tar', '-C', work, '-cf', `${box}.new`, 'metadata.json', 'box.img'], { timeoutMs: 180_000 })
    fs.renameSync(`${box}.new`, box)
  } finally {
    fs.rmSync(work, { recursive: true, force: true })
  }
}

/** The public key by which Vagrant knows a box that nobody has used. Throws `not_found`. */
async function insecureKey(): Promise<string> {
  const files = (await run(['dpkg', '-L', 'vagrant'])).split('\n')
  const key = files.find((file) => file.endsWith('/keys/vagrant.pub'))
  if (key !== undefined) return key
  throw new WeftError('not_found', {
    what: "Vagrant's insecure public key",
    on: 'vagrant.pub',
    why: 'the Debian package vagrant does not hold it',
  })
}
