/** Debian's cloud kernel, taken out of its package without installing it: 8021q, macvlan, ipvlan, vxlan, all of it. */
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { WeftError } from '@weft/shared'
import { run } from '../../cli/src/lab/run.ts'

/**
 * Name of the newest kernel package that the mirror's list tells of, such as `linux-image-6.1.0-56-cloud-amd64`; undefined
 * where there is no list.
 */
export async function listedKernel(): Promise<string | undefined> {
  const text = await run(['apt-cache', 'depends', 'linux-image-cloud-amd64']).catch(() => '')
  return /Depends: (linux-image-\d[^\s]*)/.exec(text)?.[1]
}

/** The same from a list that is fetched first: an old one names what the mirror has no more. Throws `unavailable`. */
export async function newestKernel(): Promise<string> {
  await run(['apt-get', 'update', '-q', '-o', 'Acquire::Retries=5'], { timeoutMs: 180_000 })
  const name = await listedKernel()
  if (name !== undefined) return name
  throw new WeftError('unavailable', {
    what: 'no kernel for the rig',
    on: 'linux-image-cloud-amd64',
    why: 'apt-cache does not know the package',
    remedy: 'see /etc/apt/sources.list.d: it is in Debian 12, main',
  })
}

/** Unpacks the package below `folder` and leaves `folder/vmlinux`; gives back where its modules lie. */
export async function unpackKernel(name: string, folder: string): Promise<string> {
  const unpacked = path.join(folder, 'kernel')
  fs.mkdirSync(unpacked, { recursive: true })
  await run(['sh', '-c', 'cd "$1" && apt-get download -q -o Acquire::Retries=5 "$2"', 'sh', unpacked, name], {
    timeoutMs: 180_000,
  })
  const deb = fs.readdirSync(unpacked).find((file) => file.endsWith('.deb'))
  await run(['dpkg-deb', '-x', path.join(unpacked, deb ?? `${name}.deb`), unpacked], { timeoutMs: 120_000 })
  const version = name.replace('linux-image-', '')
  const compressed = fs.readFileSync(path.join(unpacked, 'boot', `vmlinuz-${version}`))
  fs.writeFileSync(path.join(folder, 'vmlinux'), decompress(compressed))
  return path.join(unpacked, 'lib/modules', version)
}

/**
 * The ELF inside a bzImage (Documentation/arch/x86/boot.rst: setup_sects at 0x1f1, payload_offset and payload_length at
 * 0x248). Booted by its PVH entry it saves the second that an emulated CPU takes to decompress itself.
 */
function decompress(image: Buffer): Buffer {
  const setup = (image.readUInt8(0x1f1) + 1) * 512
  const begin = setup + image.readUInt32LE(0x248)
  // The last four bytes of the payload are its length, which is no part of the lz4 stream.
  const payload = image.subarray(begin, begin + image.readUInt32LE(0x24c) - 4)
  const { stdout } = spawnSync('lz4', ['-dc'], { input: payload, maxBuffer: 2 ** 28 })
  if (stdout.subarray(0, 4).toString('latin1') === '\x7fELF') return stdout
  throw new WeftError('unsupported', { what: 'kernel image not understood', why: 'it does not hold an lz4 payload' })
}
