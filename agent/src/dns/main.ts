/**
 * The resolver's program. It needs the names file and the sandboxes, and nobody: agent, controller, etcd and NATS may be
 * gone. Stopped, it leaves questions to Docker's resolver again; killed, it is to be started again at once.
 */
import { randomInt } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { parseWith, WeftError } from '@weft/shared'
import { z } from 'zod'
import { DOCKER_RESOLVER, openSandboxes } from '../kernel/sandbox/index.ts'
import { openNotify, watchdogMs } from '../kernel/sd-notify.ts'
import { LOG_LEVELS, openLog } from '../log.ts'
import { followNames } from './names-reader.ts'
import { ResolverService } from './service.ts'

const HELP = `Examples:
  weft-dns
      answers in the sandboxes of this host's containers, by /var/lib/weft/names.json, which the agent writes

Usage: weft-dns [flags]

  --data DIR         data folder of the agent (/var/lib/weft)
  --run-dir DIR      folder of the pid file (/run/weft)
  --log-level LEVEL  ${LOG_LEVELS.join(', ')} (info)
  --help             this text
`

const AbsolutePath = z
  .string()
  .min(1)
  .transform((file) => path.resolve(file))

const Settings = z.strictObject({
  data: AbsolutePath.default('/var/lib/weft'),
  'run-dir': AbsolutePath.default('/run/weft'),
  'log-level': z.enum(LOG_LEVELS).default('info'),
  help: z.boolean().default(false),
})

/** @throws `invalid` naming the flag */
function readSettings(argv: readonly string[]): z.infer<typeof Settings> {
  const text = { type: 'string' } as const
  const options = { data: text, 'run-dir': text, 'log-level': text, help: { type: 'boolean' } } as const
  try {
    return parseWith(Settings, { ...parseArgs({ args: [...argv], options }).values }, 'flags of weft-dns')
  } catch (cause) {
    if (cause instanceof WeftError) throw cause
    const why = (cause as Error).message
    throw new WeftError('invalid', { what: 'bad flags', why, remedy: 'weft-dns --help', cause })
  }
}

async function run(settings: z.infer<typeof Settings>): Promise<void> {
  const log = openLog(settings['log-level'], os.hostname(), 'weft-dns')
  const stop = new AbortController()
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stop.abort())
  fs.mkdirSync(settings.data, { recursive: true, mode: 0o700 })
  fs.mkdirSync(settings['run-dir'], { recursive: true })
  const sandboxes = await openSandboxes()
  const service = new ResolverService({
    sandboxes,
    resolver: DOCKER_RESOLVER,
    log,
    randomId: () => randomInt(0x10000),
    nowMs: () => performance.now(),
  })
  const names = followNames(path.join(settings.data, 'names.json'), log, (content) => service.take(content))
  const notify = openNotify(process.env)
  const watchdog = watchdogMs(process.env, process.pid)
  const beat = watchdog === undefined ? undefined : setInterval(() => notify?.({ WATCHDOG: '1' }), watchdog)
  fs.writeFileSync(path.join(settings['run-dir'], 'dns.pid'), `${process.pid}\n`)
  log.info({ pid: process.pid, sandboxes: service.sandboxes }, 'resolver serves')
  notify?.({ READY: '1' })
  await new Promise<void>((resolve) => stop.signal.addEventListener('abort', () => resolve(), { once: true }))
  notify?.({ STOPPING: '1' })
  clearInterval(beat)
  names.close()
  service.close()
  sandboxes.close()
  log.info({}, "resolver stops, names are Docker's again")
}

/** Ended by what no further try mends: systemd starts us no more (RestartPreventExitStatus=). */
const BAD_CONFIGURATION = 2

function end(thrown: unknown, code: number): never {
  process.stderr.write(`weft-dns: ${WeftError.from(thrown).message}\n`)
  process.exit(code)
}

function settingsOrEnd(): z.infer<typeof Settings> {
  try {
    return readSettings(process.argv.slice(2))
  } catch (thrown) {
    return end(thrown, BAD_CONFIGURATION)
  }
}

const settings = settingsOrEnd()
if (settings.help) process.stdout.write(HELP)
else
  run(settings).then(
    () => process.exit(0),
    (thrown: unknown) => end(thrown, 1),
  )
