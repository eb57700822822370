import {
  encodeJoinString,
  formatAddress,
  formatHostPort,
  type HostPort,
  parseAddress,
  parseHostPort,
  parseWith,
  WeftError,
} from '@weft/shared'
import { z } from 'zod'
import { createClient } from '../../client/client.ts'
import { waitFor } from '../../lab/wait.ts'
import { note, print, type Terminal } from '../../output/terminal.ts'
import { advertisedAddress } from '../../setup/addresses.ts'
import { type ControllerSetup, readControllerSetup, setUpController } from '../../setup/controller-setup.ts'
import { writePrivate } from '../../setup/files.ts'
import { checkPortFree, checkPrograms } from '../../setup/machine.ts'
import { checkUnitData, hasUnit, journal, startUnits } from '../../setup/systemd.ts'
import { bad, withFlag } from '../flags.ts'
import type { Run } from '../spec.ts'
import { UNIT, UNIT_CONFIG } from './unit.ts'

const Flags = z.strictObject({
  listen: z.string().optional(),
  natsListen: z.string().optional(),
  data: z.string().startsWith('/'),
  config: z.string().startsWith('/'),
  out: z.string().min(1).optional(),
  start: z.boolean(),
})

const [API_PORT, NATS_PORT] = [7474, 4222]
const SERVES_WITHIN_MS = 60_000

/** Makes this machine a controller; done already, it changes nothing and prints the join string again. */
export const run: Run = async (context, { options }) => {
  const { terminal } = context
  const flags = parseWith(Flags, options, 'options')
  const listen = flags.listen === undefined ? undefined : address('--listen', flags.listen)
  const natsListen = flags.natsListen === undefined ? undefined : address('--nats-listen', flags.natsListen)

  const unit = flags.config === UNIT_CONFIG && (await hasUnit(UNIT))
  const before = readControllerSetup(flags.config)
  if (before === undefined) {
    const api = listen ?? { host: await advertisedAddress(), port: API_PORT }
    const nats = natsListen ?? { host: api.host, port: NATS_PORT }
    if (unit) checkUnitData(flags.data)
    checkPrograms(terminal.env.PATH ?? '')
    await checkPortFree(api, '--listen')
    await checkPortFree(nats, '--nats-listen')
    setUpController({ config: flags.config, data: flags.data, listen: api, natsListen: nats }, new Date())
    note(terminal, `written: ${flags.config}; CA, certificate and secret in ${flags.data}`)
  } else {
    refuseOther(before, flags.config, listen, natsListen)
    note(terminal, `set up already: ${flags.config} is kept as it is`)
  }
  const setup = before ?? readControllerSetup(flags.config)
  if (setup === undefined) throw new WeftError('internal', { what: 'configuration is gone', on: flags.config })

  await start(terminal, flags, setup, { unit, anew: before === undefined })
  tell(terminal, setup, flags.out)
  return undefined
}

/** An address of its canonical spelling, or a DNS name; both stand in the certificate. */
function address(flag: string, text: string): HostPort {
  const { host, port } = withFlag(flag, () => parseHostPort(text))
  const remedy = `write it like ${flag} 192.0.2.10:7474`
  if (port === 0) throw bad(flag, text, 'port 0 is another one each time', remedy)
  if (/^[\d.]+$/.test(host) || host.includes(':'))
    return { host: withFlag(flag, () => formatAddress(parseAddress(host))), port }
  if (/^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/.test(host)) return { host, port }
  throw bad(flag, text, 'it is neither an address nor a DNS name', remedy)
}

/** A controller that is set up is not altered by a command that is typed again with other words. */
function refuseOther(before: ControllerSetup, config: string, listen?: HostPort, natsListen?: HostPort): void {
  for (const [flag, wanted, is] of [
    ['--listen', listen, before.listen],
    ['--nats-listen', natsListen, before.natsListen],
  ] as const) {
    const text = is === undefined ? 'elsewhere' : formatHostPort(is)
    if (wanted === undefined || formatHostPort(wanted) === text) continue
    throw new WeftError('conflict', {
      what: 'this machine is set up already',
      on: config,
      why: `it listens on ${text}, and ${flag} says ${formatHostPort(wanted)}`,
      remedy: `leave ${flag} out; or remove ${config} and repeat: CA and secret are kept, hosts join anew`,
    })
  }
}

async function start(
  terminal: Terminal,
  flags: z.output<typeof Flags>,
  setup: ControllerSetup,
  { unit, anew }: { readonly unit: boolean; readonly anew: boolean },
): Promise<void> {
  if (!flags.start || !unit) {
    const command = unit ? `systemctl enable --now ${UNIT}` : `weft controller --config ${flags.config}`
    note(terminal, `start it with: ${command}`)
    return
  }
  note(terminal, `starting ${UNIT}`)
  await startUnits([UNIT], anew)
  await waitUntilServes(setup)
}

/** Over TLS, by the address that hosts will use. */
async function waitUntilServes({ join, ca }: ControllerSetup): Promise<void> {
  const url = new URL(`https://${join.controllers[0] ?? ''}`)
  const client = createClient({ address: { kind: 'http', url }, secret: join.secret, ca })
  let last: unknown
  const probe = async () => {
    try {
      return await client.call('version', {}, 3_000)
    } catch (error) {
      if (!WeftError.from(error).retryable) throw error
      last = error
      return undefined
    }
  }
  const explain = () => `${last === undefined ? '' : WeftError.from(last).message}; ${journal(UNIT)}`
  await waitFor(probe, { what: `${UNIT} to serve`, timeoutMs: SERVES_WITHIN_MS, intervalMs: 200, explain })
}

function tell(terminal: Terminal, { join }: ControllerSetup, out: string | undefined): void {
  const text = encodeJoinString(join)
  if (out !== undefined) writePrivate(out, `${text}\n`)
  print(
    terminal,
    `Controller at ${join.controllers.join(', ')} (NATS at ${join.nats.join(', ')}). On every Docker host, with Weft installed, type:

  weft join ${out === undefined ? text : out}

${out === undefined ? 'Who has that string can join' : `Copy ${out} there first; who reads it can join`}. Print it again with: weft controller join-string
Then, here: weft status; weft network create --subnet 10.20.0.0/24 mynet`,
  )
}
