/** The agent's program: reads flags, makes the parts, starts them, and ends without taking anything down. */
import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { WeftError } from '@weft/shared'
import { startAgent } from './agent.ts'
import { type Config, helpText, readConfig } from './config.ts'
import { openLog } from './log.ts'
import { openSupervisor } from './supervisor.ts'

const VERSION = '0.1.0'

/** Docker's own rule for the length; the alphabet of request ids. */
function randomId(): string {
  return randomBytes(16).toString('hex')
}

/** One line of 16 characters or more, in a file that only root reads. @throws `invalid` */
function readSecret(file: string): string {
  const parts = { what: 'secret file', on: file, remedy: "copy the controller's secret file there, mode 600" }
  const found = fs.statSync(file, { throwIfNoEntry: false })
  if (found === undefined) throw new WeftError('invalid', { ...parts, why: 'it does not exist' })
  if ((found.mode & 0o077) !== 0) {
    throw new WeftError('invalid', {
      ...parts,
      why: `its mode is ${(found.mode & 0o777).toString(8)}`,
      remedy: `chmod 600 ${file}`,
    })
  }
  const secret = fs.readFileSync(file, 'utf8').trim()
  if (/^[A-Za-z0-9_-]{16,256}$/.test(secret)) return secret
  throw new WeftError('invalid', { ...parts, why: 'one line of 16 to 256 of A-Z a-z 0-9 _ - is wanted' })
}

/** @throws `invalid` */
function readCa(file: string): string {
  try {
    return fs.readFileSync(file, 'utf8')
  } catch (cause) {
    const why = (cause as Error).message
    const remedy = 'join anew with weft join, or name another file'
    throw new WeftError('invalid', { what: 'file of --ca not read', on: file, why, remedy, cause })
  }
}

/** Ended by what no further try mends: systemd starts us no more (RestartPreventExitStatus=). */
const BAD_CONFIGURATION = 2

interface Credentials {
  readonly secret: string
  readonly ca: string | undefined
}

async function run(config: Config, credentials: Credentials): Promise<number> {
  const log = openLog(config.logLevel, config.id)
  const stop = new AbortController()
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stop.abort())
  fs.mkdirSync(config.runDir, { recursive: true })
  fs.writeFileSync(path.join(config.runDir, 'agent.pid'), `${process.pid}\n`)
  const agent = await startAgent(
    {
      ...config,
      ...credentials,
      hostname: os.hostname(),
      kernelRelease: os.release(),
      bootId: fs.readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
      version: VERSION,
      newId: randomId,
      env: process.env,
      pid: process.pid,
      supervisor: openSupervisor({ env: process.env, pid: process.pid, log, now: () => performance.now() }),
    },
    log,
  )
  log.info({ pid: process.pid, plugin: config.pluginSocket }, 'agent serves')
  const asked = new Promise<undefined>((resolve) => {
    stop.signal.addEventListener('abort', () => resolve(undefined), { once: true })
  })
  const reason = await Promise.race([asked, agent.ended])
  if (reason !== undefined) log.error({ error: reason.message }, 'agent cannot go on')
  await agent.stop()
  log.info({}, 'agent stops, everything stays as it is')
  return reason === undefined ? 0 : 1
}

async function main(): Promise<number> {
  const invocation = orBadConfiguration(() => {
    const read = readConfig(process.argv.slice(2), (file) => fs.readFileSync(file, 'utf8'))
    if (read.kind !== 'run') return read
    return { ...read, secret: readSecret(read.secretFile), ca: read.caFile && readCa(read.caFile) }
  })
  if (invocation.kind === 'run') return await run(invocation, invocation)
  process.stdout.write(invocation.kind === 'help' ? helpText() : `${VERSION}\n`)
  return 0
}

/** What it throws is about flags, their file, the secret or the CA. */
function orBadConfiguration<T>(read: () => T): T {
  try {
    return read()
  } catch (thrown) {
    return end(thrown, BAD_CONFIGURATION)
  }
}

function end(thrown: unknown, code: number): never {
  process.stderr.write(`weft agent: ${WeftError.from(thrown).message}\n`)
  process.exit(code)
}

main().then(
  (code) => process.exit(code),
  (thrown: unknown) => end(thrown, 1),
)
