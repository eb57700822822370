/**
 * The production part of node_modules, as package-lock.json marks it: what is neither for development nor optional,
 * and of the optional ones koffi's native half for the target. Copied from the checkout, which `npm ci` filled and
 * checked; a folder whose version is not the lock's is refused.
 */
import fs from 'node:fs'
import path from 'node:path'

interface LockEntry {
  readonly version?: string
  readonly dev?: boolean
  readonly devOptional?: boolean
  readonly optional?: boolean
  readonly link?: boolean
}

/** Node's own builds are for glibc. */
const FOREIGN_LIBC = /^musl_/
/** What Node loads or a licence asks for; sources in C and TypeScript, maps, a package's own tests and prose stay behind. */
const KEPT = /(\.(js|cjs|mjs|json|node|proto)|^licen[cs]e[^/]*|^copying|^notice)$/i
const DROPPED_FOLDERS = new Set(['test', 'tests', '__tests__', 'benchmarks', 'docs', 'doc', 'examples', '.github'])

/** Folders below the checkout (`node_modules/zod`, …) that production needs. Pure. */
export function productionFolders(packages: Readonly<Record<string, LockEntry>>, target: string): string[] {
  return Object.entries(packages)
    .filter(([key, entry]) => key.startsWith('node_modules/') && entry.link !== true)
    .filter(([, { dev, devOptional }]) => dev !== true && devOptional !== true)
    .filter(([key, { optional }]) => optional !== true || key === `node_modules/@koromix/koffi-${target}`)
    .map(([key]) => key)
    .filter((key) => !/(^|\/)node_modules\/@types\//.test(key))
    .sort()
}

/** Copies them below `into`. Throws when the checkout does not hold what the lock says. */
export function copyModules(root: string, into: string, target: string): void {
  const lock = JSON.parse(fs.readFileSync(path.join(root, 'package-lock.json'), 'utf8'))
  for (const folder of productionFolders(lock.packages, target)) {
    const source = path.join(root, folder)
    const wanted = lock.packages[folder].version
    const manifest = path.join(source, 'package.json')
    const found = fs.existsSync(manifest) ? JSON.parse(fs.readFileSync(manifest, 'utf8')).version : 'absent'
    if (found !== wanted) throw new Error(`${folder} is ${found}, package-lock.json says ${wanted}: run npm ci`)
    copyTree(source, path.join(into, folder), target, DROPPED_FOLDERS)
  }
}

/** @param drop folders left out here; below, a folder of such a name is code (`yaml/dist/doc`) */
function copyTree(source: string, into: string, target: string, drop: ReadonlySet<string> = new Set()): void {
  for (const entry of fs.readdirSync(source, { withFileTypes: true })) {
    const [from, to] = [path.join(source, entry.name), path.join(into, entry.name)]
    if (entry.isDirectory()) {
      const foreign = path.basename(source) === 'prebuilds' && entry.name !== target
      // What lies in a nested node_modules has an entry of its own in the lock.
      const dropped = drop.has(entry.name) || FOREIGN_LIBC.test(entry.name)
      if (entry.name !== 'node_modules' && !foreign && !dropped) copyTree(from, to, target)
    } else if (KEPT.test(entry.name) && !entry.name.endsWith('.d.ts')) {
      fs.mkdirSync(into, { recursive: true })
      fs.copyFileSync(from, to)
    }
  }
}
