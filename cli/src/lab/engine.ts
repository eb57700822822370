/**
 * Other Docker engines for a lab than the machine's own: newer Debian packages, unpacked into a folder and never
 * installed. A lab host sees them in place of the installed ones. runc stays the machine's: newer ones want a newer libc.
 */
import fs from 'node:fs'
import path from 'node:path'
import { WeftError } from '@weft/shared'
import { cacheFolder } from './images.ts'
import { run } from './run.ts'

/** Which Debian suite carries which major version. */
const SUITES = { '26': 'trixie', '28': 'sid' } as const
export type EngineName = keyof typeof SUITES
export const ENGINES = Object.keys(SUITES) as EngineName[]

const PACKAGES = ['docker.io', 'docker-cli', 'containerd', 'docker-compose']
/** What a lab host has of the folder, under the same path. */
export const ENGINE_PROGRAMS = [
  'usr/sbin/dockerd',
  'usr/sbin/docker-proxy',
  'usr/bin/docker',
  'usr/bin/containerd',
  'usr/bin/containerd-shim-runc-v2',
]
/** Compose 2 of the same packages, a program of its own. */
export const ENGINE_COMPOSE = 'usr/libexec/docker/cli-plugins/docker-compose'
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg'
const FETCH_MS = 300_000

/** @throws `invalid` for an engine that is not known */
export function parseEngine(text: string): EngineName {
  const found = ENGINES.find((name) => name === text)
  if (found !== undefined) return found
  throw new WeftError('invalid', {
    what: 'unknown Docker engine',
    on: text,
    why: `Debian packages carry ${ENGINES.join(' and ')}`,
    remedy: "leave it out for the machine's own",
  })
}

/**
 * The folder of an engine's files; fetched from Debian's archive when the cache does not hold it.
 * @throws `unavailable` when it cannot be fetched, or when the suite has moved on to another version
 */
export async function prepareEngine(name: EngineName, cache = cacheFolder(), signal?: AbortSignal): Promise<string> {
  const folder = path.join(cache, `engine-${name}`)
  if (fs.existsSync(folder)) return folder
  fs.mkdirSync(cache, { recursive: true })
  const work = fs.mkdtempSync(path.join(cache, 'build-engine-'))
  try {
    const options = { timeoutMs: FETCH_MS, ...(signal === undefined ? {} : { signal }) }
    for (const file of await download(SUITES[name], work, options))
      await run(['dpkg-deb', '--extract', file, path.join(work, 'root')], options)
    await checkVersion(name, path.join(work, 'root'), options)
    fs.renameSync(path.join(work, 'root'), folder)
    return folder
  } finally {
    fs.rmSync(work, { recursive: true, force: true })
  }
}

interface FetchOptions {
  readonly timeoutMs: number
  readonly signal?: AbortSignal
}

/** apt with lists, cache and status of its own, so that the machine's packages stay as they are. */
async function download(suite: string, work: string, options: FetchOptions): Promise<string[]> {
  const sources = path.join(work, 'sources.list')
  fs.writeFileSync(sources, `deb [signed-by=${KEYRING}] http://deb.debian.org/debian ${suite} main\n`)
  for (const folder of ['lists/partial', 'cache/archives/partial', 'debs'])
    fs.mkdirSync(path.join(work, folder), { recursive: true })
  const settings = {
    'Dir::Etc::sourcelist': sources,
    'Dir::Etc::sourceparts': '-',
    'Dir::State::lists': path.join(work, 'lists'),
    'Dir::State::status': '/dev/null',
    'Dir::Cache': path.join(work, 'cache'),
    'Dir::Cache::archives': path.join(work, 'debs'),
    'APT::Sandbox::User': 'root',
    'Acquire::Languages': 'none',
  }
  const apt = ['apt-get', '-qq', ...Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`])]
  try {
    await run([...apt, 'update'], options)
    await run(['env', `--chdir=${path.join(work, 'debs')}`, '--', ...apt, 'download', ...PACKAGES], options)
  } catch (cause) {
    throw new WeftError('unavailable', {
      what: 'Docker engine could not be fetched',
      on: `Debian ${suite}`,
      why: WeftError.from(cause).message,
      remedy: 'see that deb.debian.org can be reached',
      cause,
    })
  }
  return fs.globSync(path.join(work, 'debs/*.deb'))
}

async function checkVersion(name: EngineName, root: string, options: FetchOptions): Promise<void> {
  const version = await run([path.join(root, 'usr/sbin/dockerd'), '--version'], options)
  if (version.includes(`version ${name}.`)) return
  throw new WeftError('unavailable', {
    what: `Docker ${name} is not in Debian ${SUITES[name]} any more`,
    why: version.trim(),
    remedy: 'name the suite that carries it in cli/src/lab/engine.ts',
  })
}
