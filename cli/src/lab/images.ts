/**
 * Images without a registry: root file systems made of what Debian's packages put on this machine, as tar files that
 * `docker import` takes. Each is built once and kept under a digest of what it is made of.
 *
 * - `busybox`: busybox-static and a link per applet.
 * - `weft/tools`: iproute2, ping, tcpdump, iperf3, curl, dig, ethtool, bash, perl (perl-base, for raw sockets) with their shared libraries, and busybox
 *   for all else. Its sh is bash: Debian's busybox shell prefers its own `ip` and `ping` to those in PATH.
 */
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { WeftError } from '@weft/shared'
import type { HostLayout } from './layout.ts'
import { run } from './run.ts'

/** To be raised when `layOut` changes: it is part of what a kept image is known by. */
const LAYOUT = 1
const STALE_MS = 24 * 3600 * 1000
const BUSYBOX = '/bin/busybox'
const TOOLS = [
  ...['ip', 'bridge', 'ss', 'tc', 'ping', 'tcpdump', 'iperf3', 'curl'],
  ...['dig', 'host', 'nslookup', 'ethtool', 'bash', 'getent', 'nsenter', 'setpriv', 'perl'],
]
const SEARCH = ['/usr/bin', '/usr/sbin', '/bin', '/sbin']

/** Files every image has. tcpdump as root wants a user to become. */
const ETC = {
  'etc/passwd': 'root:x:0:0:root:/root:/bin/sh\ntcpdump:x:100:100::/:/bin/false\nnobody:x:65534:65534::/:/bin/false\n',
  'etc/group': 'root:x:0:\ntcpdump:x:100:\nnogroup:x:65534:\n',
  'etc/nsswitch.conf': 'passwd: files\ngroup: files\nhosts: files dns\nservices: files\nprotocols: files\n',
}

/** A root file system: what is copied from where, and which links there are. Paths have no leading slash. */
interface RootFs {
  readonly image: string
  readonly command: string
  readonly copies: ReadonlyMap<string, string>
  /** Symbolic links, as path -> target. */
  readonly links: ReadonlyMap<string, string>
}

export interface Image {
  readonly name: string
  readonly tar: string
  readonly command: string
}

/** Builds what is missing and gives back all images. `cache` is a folder that outlives labs. */
export async function buildImages(cache: string = cacheFolder(), signal?: AbortSignal): Promise<Image[]> {
  fs.mkdirSync(cache, { recursive: true })
  const applets = (await run([BUSYBOX, '--list']))
    .trim()
    .split('\n')
    .filter((name) => name !== 'busybox')
  const links = new Map(applets.map((name) => [`bin/${name}`, 'busybox']))
  const toolLinks = new Map([...links, ['bin/sh', '/usr/bin/bash'], ['bin/bash', '/usr/bin/bash']])
  for (const name of TOOLS) if (name !== 'bash') toolLinks.delete(`bin/${name}`)
  const busybox = new Map([['bin/busybox', BUSYBOX]])
  const tools = new Map([...busybox, ...(await toolFiles())])
  const wanted: RootFs[] = [
    { image: 'busybox:latest', command: 'sh', copies: busybox, links },
    { image: 'weft/tools:latest', command: 'sh', copies: tools, links: toolLinks },
  ]
  return await Promise.all(wanted.map((rootFs) => buildImage(cache, rootFs, signal)))
}

/** Gives a host's Docker those images that it does not hold. */
export async function loadImages(host: HostLayout, images: readonly Image[], signal?: AbortSignal): Promise<void> {
  const docker = ['docker', '--host', `unix://${host.dockerSocket}`]
  const options = signal ? { signal } : {}
  const present = (await run([...docker, 'image', 'ls', '--format', '{{.Repository}}:{{.Tag}}'], options)).split('\n')
  const missing = images.filter((image) => !present.includes(image.name))
  await Promise.all(
    missing.map((image) =>
      run([...docker, 'import', '--change', `CMD ["${image.command}"]`, image.tar, image.name], options),
    ),
  )
}

/** What labs keep between them. */
export function cacheFolder(): string {
  return path.join(process.env.XDG_CACHE_HOME ?? path.join(os.homedir(), '.cache'), 'weft')
}

/** The programs and every library that the loader would map for them (ldd(1)), as destination -> source. */
async function toolFiles(): Promise<Map<string, string>> {
  const programs = new Map(TOOLS.map((name) => [`usr/bin/${name}`, locate(name)]))
  const report = await run(['ldd', ...programs.values()])
  const libraries = [...report.matchAll(/(?:=> |^\s+)(\/\S+) \(0x/gm)].map(([, file = '']) => file)
  const data = ['/etc/services', '/etc/protocols'].filter((file) => fs.existsSync(file))
  return new Map([...programs, ...[...new Set(libraries), ...data].map((file) => [file.slice(1), file] as const)])
}

function locate(program: string): string {
  const found = SEARCH.map((folder) => path.join(folder, program)).find((file) => fs.existsSync(file))
  if (found === undefined)
    throw new WeftError('unavailable', {
      what: 'program for the image weft/tools is missing',
      on: program,
      remedy: 'run the set-up: node cli/setup.mjs lab -- true',
    })
  return fs.realpathSync(found)
}

async function buildImage(cache: string, rootFs: RootFs, signal?: AbortSignal): Promise<Image> {
  const tar = path.join(cache, `${rootFs.image.replace(/\W/g, '-')}-${digest(rootFs)}.tar`)
  if (fs.existsSync(tar)) fs.utimesSync(tar, new Date(), new Date())
  else {
    const folder = fs.mkdtempSync(path.join(cache, 'build-'))
    try {
      layOut(path.join(folder, 'root'), rootFs)
      const files = path.join(folder, 'image.tar')
      await run(
        ['tar', '-C', path.join(folder, 'root'), '--owner=0', '--group=0', '-cf', files, '.'],
        signal ? { signal } : {},
      )
      // Two labs may build at once: each writes its own file, and the name appears whole.
      fs.renameSync(files, tar)
      removeStale(cache)
    } finally {
      fs.rmSync(folder, { recursive: true, force: true })
    }
  }
  return { name: rootFs.image, tar, command: rootFs.command }
}

/** Drops what no lab has used for a day: images of older packages, and builds that were killed. */
function removeStale(cache: string): void {
  for (const file of fs.globSync(path.join(cache, '{*.tar,build-*}')))
    if (Date.now() - fs.statSync(file).mtimeMs > STALE_MS) fs.rmSync(file, { recursive: true, force: true })
}

/** Digest of names, sizes and times of what goes in; a changed Debian package changes it. */
function digest(rootFs: RootFs): string {
  const hash = createHash('sha256').update(JSON.stringify([LAYOUT, ETC, [...rootFs.links]]))
  for (const [target, source] of rootFs.copies) {
    const stat = fs.statSync(source)
    hash.update(`${target} ${source} ${stat.size} ${stat.mtimeMs}\n`)
  }
  return hash.digest('hex').slice(0, 16)
}

function layOut(root: string, rootFs: RootFs): void {
  for (const folder of ['bin', 'dev', 'etc', 'proc', 'root', 'run', 'sys', 'tmp', 'usr/bin', 'var'])
    fs.mkdirSync(path.join(root, folder), { recursive: true })
  fs.chmodSync(path.join(root, 'tmp'), 0o1777)
  for (const [file, text] of Object.entries(ETC)) fs.writeFileSync(path.join(root, file), text)
  for (const [target, source] of rootFs.copies) {
    fs.mkdirSync(path.dirname(path.join(root, target)), { recursive: true })
    fs.copyFileSync(source, path.join(root, target))
  }
  for (const [link, target] of rootFs.links) fs.symlinkSync(target, path.join(root, link))
}
