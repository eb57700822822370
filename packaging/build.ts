/**
 * Makes dist-package/weft_VERSION_ARCH.deb, and the same as a tar, out of a built checkout. The same input gives the same bytes: files are
 * root's, their times are the commit's (SOURCE_DATE_EPOCH wins), and nothing is asked of the network.
 */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import { CONFFILES, changelog, controlFile } from './control.ts'
import { writeDocuments } from './documents.ts'
import { installForeign } from './foreign.ts'
import { copyModules } from './modules.ts'
import { packTarball } from './tarball.ts'

export interface BuildOptions {
  /** The checkout, built. */
  readonly root: string
  /** The Node that the package ships; that of node_modules, which tests run on, when undefined. */
  readonly node?: string | undefined
  readonly architecture: 'amd64' | 'arm64'
  /** `zstd` is quick, `xz` small. */
  readonly compression: 'zstd' | 'xz' | 'none'
  readonly outputFolder: string
}

const PACKAGES = ['shared', 'controller', 'agent', 'cli'] as const
const TARGETS = { amd64: 'linux-x64', arm64: 'linux-arm64' } as const
const CPUS = { amd64: 'x64', arm64: 'arm64' } as const
/** Whoever knows both formats of ELF, or the one; first come. */
const STRIPS = { amd64: ['strip', 'llvm-strip'], arm64: ['aarch64-linux-gnu-strip', 'llvm-strip', 'strip'] } as const

/** Where each file of packaging/files goes, with its mode. */
const FILES: readonly (readonly [from: string, to: string, mode: number])[] = [
  ['bin/weft', 'usr/bin/weft', 0o755],
  ['bin/ensure-fabric', 'usr/lib/weft/ensure-fabric', 0o755],
  ['systemd/weft-controller.service', 'usr/lib/systemd/system/weft-controller.service', 0o644],
  ['systemd/weft-agent.service', 'usr/lib/systemd/system/weft-agent.service', 0o644],
  ['systemd/weft-agent.socket', 'usr/lib/systemd/system/weft-agent.socket', 0o644],
  ['systemd/weft-dns.service', 'usr/lib/systemd/system/weft-dns.service', 0o644],
  ['systemd/weft-fabric.service', 'usr/lib/systemd/system/weft-fabric.service', 0o644],
  ['network/70-weft.rules', 'usr/lib/udev/rules.d/70-weft.rules', 0o644],
  ['network/10-weft.link', 'usr/lib/systemd/network/10-weft.link', 0o644],
  ['network/10-weft.network', 'usr/lib/systemd/network/10-weft.network', 0o644],
  ['network/networkd.conf', 'usr/lib/systemd/networkd.conf.d/50-weft.conf', 0o644],
  ['network/NetworkManager.conf', 'usr/lib/NetworkManager/conf.d/50-weft.conf', 0o644],
  ['etc/controller.env', 'etc/weft/controller.env', 0o644],
  ['etc/agent.env', 'etc/weft/agent.env', 0o644],
]

interface Laid {
  readonly stage: string
  readonly version: string
  readonly date: Date
}

/** Builds the package; gives back its path. Throws when a part is missing or dpkg-deb refuses. */
export async function buildPackage(options: BuildOptions): Promise<string> {
  return await withStage(options, ({ stage, version, date }) =>
    pack(stage, `weft_${version}_${options.architecture}.deb`, date, options),
  )
}

/** The same files for systems without dpkg, with scripts that install and remove them; gives back the tar's path. */
export async function buildTarball(options: BuildOptions): Promise<string> {
  const { architecture, outputFolder } = options
  return await withStage(options, ({ stage, version, date }) =>
    packTarball(stage, { name: `weft_${version}_linux_${architecture}`, date, outputFolder }),
  )
}

async function withStage(options: BuildOptions, use: (laid: Laid) => string): Promise<string> {
  const { root, architecture } = options
  const version = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8')).version as string
  const date = sourceDate(root)
  const stage = fs.mkdtempSync(path.join(os.tmpdir(), 'weft-package-'))
  try {
    fs.chmodSync(stage, 0o755)
    layOutPrograms(stage, options)
    for (const [from, to, mode] of FILES)
      put(stage, to, fs.readFileSync(path.join(import.meta.dirname, 'files', from)), mode)
    await writeDocuments(root, (to, text) => put(stage, to, text, 0o644), { version, date })
    const doc = 'usr/share/doc/weft'
    put(stage, `${doc}/copyright`, fs.readFileSync(debian('copyright')), 0o644)
    put(stage, `${doc}/changelog.gz`, gzipSync(changelog(version, date), { level: 9 }), 0o644)
    put(stage, 'usr/share/lintian/overrides/weft', fs.readFileSync(debian('lintian-overrides')), 0o644)
    writeControl(stage, version, architecture)
    setModes(stage, date)
    return use({ stage, version, date })
  } finally {
    fs.rmSync(stage, { recursive: true, force: true })
  }
}

function layOutPrograms(stage: string, { root, node, architecture }: BuildOptions): void {
  const app = path.join(stage, 'usr/lib/weft/app')
  const foreign =
    process.arch === CPUS[architecture] ? undefined : fs.mkdtempSync(path.join(os.tmpdir(), 'weft-modules-'))
  const program = path.join(stage, 'usr/lib/weft/node')
  try {
    if (foreign !== undefined) installForeign(root, foreign, CPUS[architecture])
    const modules = foreign ?? root
    copyModules(modules, app, TARGETS[architecture])
    fs.copyFileSync(node ?? path.join(modules, `node_modules/node-${TARGETS[architecture]}/bin/node`), program)
  } finally {
    if (foreign !== undefined) fs.rmSync(foreign, { recursive: true, force: true })
  }
  fs.mkdirSync(path.join(app, 'node_modules/@weft'), { recursive: true })
  for (const name of PACKAGES) {
    const main = path.join(root, name, name === 'shared' ? 'dist/index.js' : 'dist/main.js')
    if (!fs.existsSync(main)) throw new Error(`${main} is missing: build first (npm run build)`)
    for (const file of fs.globSync('{package.json,bin/**/*.js,dist/**/*.js}', { cwd: path.join(root, name) })) {
      if (file.endsWith('.test.js')) continue
      put(app, path.join(name, file), fs.readFileSync(path.join(root, name, file)), 0o644)
    }
    fs.symlinkSync(`../../${name}`, path.join(app, 'node_modules/@weft', name))
  }
  // Debug symbols only; what addons bind to is in the dynamic symbol table and stays.
  const native = fs.globSync('node_modules/**/*.node', { cwd: app }).map((file) => path.join(app, file))
  strip([program, ...native], STRIPS[architecture])
}

/** Throws what the last of the programs says when none can. */
function strip(files: readonly string[], [program, ...others]: readonly string[]): void {
  if (program === undefined) return
  try {
    execFileSync(program, ['--strip-unneeded', '--remove-section=.comment', ...files], { stdio: 'pipe' })
  } catch (error) {
    if (others.length === 0) throw error
    strip(files, others)
  }
}

function writeControl(stage: string, version: string, architecture: 'amd64' | 'arm64'): void {
  const files = filesBelow(stage).filter((file) => fs.lstatSync(path.join(stage, file)).isFile())
  const bytes = files.reduce((sum, file) => sum + Math.ceil(fs.statSync(path.join(stage, file)).size / 1024), 0)
  const sums = files
    .filter((file) => !file.startsWith('etc/'))
    .map(
      (file) =>
        `${createHash('md5')
          .update(fs.readFileSync(path.join(stage, file)))
          .digest('hex')}  ${file}\n`,
    )
  put(stage, 'DEBIAN/control', controlFile({ version, architecture, installedSize: bytes }), 0o644)
  put(stage, 'DEBIAN/conffiles', CONFFILES.map((file) => `${file}\n`).join(''), 0o644)
  put(stage, 'DEBIAN/md5sums', sums.join(''), 0o644)
  for (const script of ['postinst', 'prerm', 'postrm'])
    put(stage, `DEBIAN/${script}`, fs.readFileSync(debian(script)), 0o755)
}

/** Folders 0755, files 0644 unless they are programs, every time the commit's. Children first: writing them touches folders. */
function setModes(stage: string, date: Date): void {
  const programs = new Set(FILES.filter(([, , mode]) => mode === 0o755).map(([, to]) => to)).add('usr/lib/weft/node')
  for (const file of [...filesBelow(stage).sort().reverse(), '']) {
    const target = path.join(stage, file)
    const stat = fs.lstatSync(target)
    const runs = programs.has(file) || /^DEBIAN\/p(ost|re)/.test(file)
    if (!stat.isSymbolicLink()) fs.chmodSync(target, stat.isDirectory() || runs ? 0o755 : 0o644)
    fs.lutimesSync(target, date, date)
  }
}

function pack(stage: string, name: string, date: Date, { compression, outputFolder }: BuildOptions): string {
  fs.mkdirSync(outputFolder, { recursive: true })
  const deb = path.join(outputFolder, name)
  const level = { zstd: '10', xz: '6', none: '0' }[compression]
  const argv = ['--build', '--root-owner-group', `-Z${compression}`, `-z${level}`, stage, deb]
  const env = { ...process.env, SOURCE_DATE_EPOCH: String(Math.floor(date.getTime() / 1000)) }
  execFileSync('dpkg-deb', argv, { env, stdio: ['ignore', 'ignore', 'inherit'] })
  return deb
}

/** SOURCE_DATE_EPOCH (reproducible-builds.org), else the time of the commit. */
function sourceDate(root: string): Date {
  const given = process.env.SOURCE_DATE_EPOCH
  const seconds = given ?? execFileSync('git', ['-C', root, 'log', '-1', '--format=%ct'], { encoding: 'utf8' }).trim()
  return new Date(Number(seconds) * 1000)
}

/** Every file, folder and link below, by its path from there; links are not followed. */
function filesBelow(folder: string, at = ''): string[] {
  return fs.readdirSync(path.join(folder, at), { withFileTypes: true }).flatMap((entry) => {
    const file = path.join(at, entry.name)
    return entry.isDirectory() ? [file, ...filesBelow(folder, file)] : [file]
  })
}

function put(stage: string, to: string, content: string | Uint8Array, mode: number): void {
  const target = path.join(stage, to)
  fs.mkdirSync(path.dirname(target), { recursive: true })
  fs.writeFileSync(target, content, { mode })
}

function debian(name: string): string {
  return path.join(import.meta.dirname, 'debian', name)
}
