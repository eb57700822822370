/**
 * Everything that must be true before Weft can run from a checkout: Debian packages, npm packages, the build.
 *
 *   node cli/setup.mjs PROFILE -- COMMAND [ARG ...]
 *
 * Plain JavaScript on `node:` modules only, for the machine's own Node 20, because it runs before any npm package
 * exists. Each step looks first and does nothing when there is nothing to do, so a second run needs no network.
 * Progress goes to stderr; the command gets this process's stdio, its signals, and decides the exit code.
 *
 * Over 150 lines because it must stand alone: it cannot share code with what it has yet to build.
 */
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..')
const BIN = path.join(ROOT, 'node_modules', '.bin')
const STAMP = path.join(ROOT, 'node_modules', '.weft-setup.json')
const POLICY = '/usr/sbin/policy-rc.d'
const POLICY_SAVED = `${POLICY}.before-weft`
const BUILT = ['shared', 'controller', 'agent', 'cli']
const WORKSPACES = [...BUILT, 'test']

/** What runs the lab: the control plane's stores, Docker, the kernel's tools, and what the lab's images are made of. */
const LAB = [
  ...['etcd-server', 'nats-server', 'docker.io', 'containerd', 'runc'],
  ...['iproute2', 'nftables', 'iptables', 'ethtool', 'kmod', 'procps', 'util-linux', 'ca-certificates'],
  ...['busybox-static', 'bash', 'iperf3', 'iputils-ping', 'tcpdump', 'curl', 'bind9-dnsutils'],
]
const TEST = [
  ...LAB,
  ...['etcd-client', 'jq', 'docker-compose', 'openssl', 'systemd-container', 'mmdebstrap', 'eatmydata', 'lintian'],
]
const PACKAGES = { lab: TEST, test: TEST, bench: [...LAB, 'sockperf'] }

/** Services that the packages above would start at the next boot. Only those that we install are switched off. */
const SERVICES = {
  'docker.io': ['docker.service', 'docker.socket'],
  containerd: ['containerd.service'],
  'etcd-server': ['etcd.service'],
  'nats-server': ['nats-server.service'],
}

const startedMs = Date.now()

function say(text) {
  const seconds = ((Date.now() - startedMs) / 1000).toFixed(1).padStart(5)
  process.stderr.write(`[${seconds}s] ${text}\n`)
}

/** An error that a person can act on: it is printed without a stack. */
class SetupError extends Error {}

function fail(what, why, remedy) {
  throw new SetupError(`[setup] ${what}: ${why}\n  What to do: ${remedy}`)
}

function has(program) {
  return spawnSync('sh', ['-c', 'command -v "$1"', 'sh', program], { stdio: 'ignore' }).status === 0
}

function checkMachine() {
  if (process.platform !== 'linux')
    fail('this machine', `it runs ${process.platform}; Weft works on the Linux kernel`, 'use Debian 12, a VM will do')
  if (process.getuid() !== 0)
    fail(
      'user',
      `uid ${process.getuid()} may not make network namespaces`,
      'run the same command as root (sudo -E npm …)',
    )
  if (!has('apt-get') || !has('dpkg-query'))
    fail(
      'this machine',
      'it has no apt-get and dpkg-query, so it is not Debian or one of its kin',
      `on Debian 12 or Ubuntu the packages are installed for you; elsewhere install ${LAB.join(', ')} and run npm ci`,
    )
}

/** Names of those packages that dpkg does not call installed. */
function missingPackages(names) {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query's own format, not a template
  const query = spawnSync('dpkg-query', ['-W', '-f=${Package} ${db:Status-Status}\\n', ...names], { encoding: 'utf8' })
  const installed = new Set()
  for (const line of query.stdout.split('\n')) {
    const [name, status] = line.split(' ')
    if (status === 'installed') installed.add(name)
  }
  return names.filter((name) => !installed.has(name))
}

const children = new Set()

/** Runs a program to its end with its output kept; rejects with the last lines of it when it fails. */
function run(argv, { what, remedy, env = {}, onStatus }) {
  return new Promise((resolve, reject) => {
    const child = spawn(argv[0], argv.slice(1), {
      cwd: ROOT,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe', onStatus ? 'pipe' : 'ignore'],
    })
    children.add(child)
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk) => {
        output = (output + chunk).slice(-20_000)
      })
    if (onStatus) child.stdio[3].on('data', (chunk) => onStatus(String(chunk)))
    child.on('error', reject)
    child.on('close', (code, signal) => {
      children.delete(child)
      if (code === 0) return resolve()
      const lines = output.trim().split('\n')
      const tail = (lines.length > 40 ? [...lines.slice(0, 15), '…', ...lines.slice(-25)] : lines).join('\n')
      reject(
        new SetupError(
          `[setup] ${what}: ${argv.join(' ')} ended with ${signal ?? code}\n${tail}\n  What to do: ${remedy}`,
        ),
      )
    })
  })
}

/** `apt-get` with a line of progress every few seconds (apt's machine-readable status, APT::Status-Fd). */
async function apt(args, what) {
  let last = ''
  let shown = ''
  const timer = setInterval(() => {
    if (last !== shown) say(`  … ${last}`)
    shown = last
  }, 4000)
  try {
    const options = ['-y', '-q', '-o', 'DPkg::Lock::Timeout=120', '-o', 'Acquire::Retries=3', '-o', 'APT::Status-Fd=3']
    await run(['apt-get', ...options, ...args], {
      what,
      remedy: 'see the lines above; apt needs a reachable mirror and no other apt at work (apt-get update)',
      env: { DEBIAN_FRONTEND: 'noninteractive', DEBIAN_PRIORITY: 'critical' },
      onStatus: (text) => {
        // dlstatus:1:20.4:Retrieving file 3 of 30   pmstatus:docker.io:62.1:Unpacking docker.io (amd64)
        const [, , percent, phrase] = text.trim().split('\n').at(-1).split(':')
        if (phrase) last = `${Math.round(Number(percent))} % ${phrase}`
      },
    })
  } finally {
    clearInterval(timer)
  }
}

/** Puts back the policy that a run found, also one that was killed half way. */
function restorePolicy() {
  if (!fs.existsSync(POLICY_SAVED)) return
  if (fs.statSync(POLICY_SAVED).size === 0) {
    fs.rmSync(POLICY, { force: true })
    fs.rmSync(POLICY_SAVED)
  } else fs.renameSync(POLICY_SAVED, POLICY)
}

/**
 * While packages are installed no service may start: a dockerd in the machine's own namespace leaves FORWARD DROP and
 * bridge-nf-call-iptables=1 behind, which cuts the lab's switch. 101 is "action forbidden by policy" (invoke-rc.d(8)).
 */
function forbidServices() {
  restorePolicy()
  if (fs.existsSync(POLICY)) fs.renameSync(POLICY, POLICY_SAVED)
  else fs.writeFileSync(POLICY_SAVED, '')
  fs.writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
}

/** Keeps the services of packages that we brought from starting at the next boot; the lab starts its own. */
function disableServices(installed) {
  const units = installed.flatMap((name) => SERVICES[name] ?? [])
  if (units.length === 0) return
  if (has('systemctl')) spawnSync('systemctl', ['disable', '--quiet', ...units], { stdio: 'ignore' })
  for (const unit of units.filter((name) => name.endsWith('.service'))) {
    const script = path.basename(unit, '.service')
    if (fs.existsSync(`/etc/init.d/${script}`) && has('update-rc.d'))
      spawnSync('update-rc.d', [script, 'disable'], { stdio: 'ignore' })
  }
}

async function installPackages(profile) {
  restorePolicy()
  const missing = missingPackages(PACKAGES[profile])
  if (missing.length === 0) return
  say(`Debian packages: ${missing.length} missing (${missing.join(' ')})`)
  await apt(['update'], 'list of Debian packages')
  say('Debian packages: installing')
  forbidServices()
  try {
    await apt(['install', '--no-install-recommends', ...missing], 'Debian packages')
  } finally {
    restorePolicy()
  }
  disableServices(missing)
  const still = missingPackages(missing)
  if (still.length > 0) fail('Debian packages', `apt-get succeeded, yet ${still.join(' ')} is missing`, 'dpkg --audit')
  say('Debian packages: done')
}

function readStamp() {
  try {
    return JSON.parse(fs.readFileSync(STAMP, 'utf8'))
  } catch (error) {
    if (error.code === 'ENOENT' || error instanceof SyntaxError) return {}
    throw error
  }
}

function writeStamp(change) {
  fs.writeFileSync(STAMP, `${JSON.stringify({ ...readStamp(), ...change }, null, 2)}\n`)
}

/** Digest of all that decides what `npm ci` would put into node_modules, the machine's architecture included. */
function lockDigest() {
  const hash = createHash('sha256').update(`${process.arch}\n`)
  const files = ['package.json', 'package-lock.json', '.npmrc', ...WORKSPACES.map((name) => `${name}/package.json`)]
  for (const file of files) hash.update(`${file}\n`).update(fs.readFileSync(path.join(ROOT, file)))
  // npm links a workspace's program only when the file is there.
  return hash.update(String(fs.existsSync(path.join(ROOT, 'cli/bin/weft.js')))).digest('hex')
}

/** True when node_modules holds what package-lock.json says, as npm itself recorded when it last wrote there. */
function modulesMatch() {
  const read = (file) => JSON.parse(fs.readFileSync(path.join(ROOT, file), 'utf8')).packages
  if (!fs.existsSync(path.join(ROOT, 'node_modules/.package-lock.json'))) return false
  const wanted = read('package-lock.json')
  const present = read('node_modules/.package-lock.json')
  const unwanted = Object.keys(present).some((key) => wanted[key] === undefined)
  if (unwanted || fs.existsSync(path.join(ROOT, 'cli/bin/weft.js')) !== fs.existsSync(path.join(BIN, 'weft')))
    return false
  return Object.entries(wanted)
    .filter(([key]) => key.startsWith('node_modules/'))
    .every(([key, entry]) => (present[key] ? present[key].version === entry.version : entry.optional === true))
}

async function installModules() {
  const lock = lockDigest()
  if (readStamp().lock === lock && fs.existsSync(path.join(BIN, 'tsc'))) return
  if (modulesMatch()) return writeStamp({ lock })
  say('npm packages: npm ci')
  await run(['npm', 'ci', '--no-fund', '--no-audit', '--loglevel=error'], {
    what: 'npm packages',
    remedy: 'see the lines above; npm ci needs a reachable registry (npm ping)',
  })
  if (!fs.existsSync(path.join(BIN, 'node')))
    fail(
      'npm packages',
      `no Node 26 for ${process.platform}-${process.arch} came with them`,
      'npm config get omit; do not omit optional',
    )
  writeStamp({ lock, build: '' })
  say('npm packages: done')
}

/** Digest of names, sizes and times of all sources, and of which outputs exist: cheap, and sees a removed file. */
function buildDigest() {
  const hash = createHash('sha256')
  const add = (file) => {
    const stat = fs.statSync(file, { throwIfNoEntry: false })
    hash.update(`${path.relative(ROOT, file)} ${stat ? `${stat.size} ${stat.mtimeMs}` : 'absent'}\n`)
  }
  for (const name of BUILT) {
    const folder = path.join(ROOT, name)
    for (const file of ['package.json', 'tsconfig.json', 'dist/.tsbuildinfo']) add(path.join(folder, file))
    // A package without sources is left to the compiler, which says it better.
    const source = path.join(folder, 'src')
    const files = fs.existsSync(source) ? fs.readdirSync(source, { recursive: true }).sort() : []
    for (const file of files) if (/\.[mc]?[jt]s$/.test(file)) add(path.join(source, file))
  }
  for (const file of ['tsconfig.json', 'tsconfig.base.json']) add(path.join(ROOT, file))
  return hash.digest('hex')
}

async function build() {
  if (readStamp().build === buildDigest()) return
  say('build: tsc --build')
  await run([path.join(BIN, 'tsc'), '--build'], { what: 'build', remedy: 'mend the type errors above' })
  writeStamp({ build: buildDigest() })
}

/** Runs the command in our place: our stdio, our signals, its exit code (128 + n when signal n ended it). */
function hand(argv) {
  return new Promise((resolve, reject) => {
    const child = spawn(argv[0], argv.slice(1), {
      stdio: 'inherit',
      env: { ...process.env, PATH: `${BIN}:${process.env.PATH}` },
    })
    children.add(child)
    child.on('error', (error) => reject(new SetupError(`[setup] command: ${error.message}`)))
    child.on('exit', (code, signal) => resolve(signal ? 128 + os.constants.signals[signal] : code))
  })
}

async function main() {
  const [profile, separator, ...command] = process.argv.slice(2)
  if (!Object.hasOwn(PACKAGES, profile ?? '') || separator !== '--' || command.length === 0)
    fail(
      'arguments',
      'a profile and a command are needed',
      `node cli/setup.mjs ${Object.keys(PACKAGES).join('|')} -- COMMAND`,
    )
  let ended = false
  for (const signal of ['SIGINT', 'SIGTERM'])
    process.on(signal, () => {
      ended = true
      for (const child of children) child.kill(signal)
    })
  checkMachine()
  for (const step of [() => installPackages(profile), installModules, build]) {
    await step()
    if (ended) fail('set-up', 'it was interrupted', 'run the same command again; it goes on where it stopped')
  }
  return hand(command)
}

try {
  process.exitCode = await main()
} catch (error) {
  process.stderr.write(`${error instanceof SetupError ? error.message : error.stack}\n`)
  process.exitCode = 1
}
