/** Weft's units, where systemd runs and the package put them there. */
import fs from 'node:fs'
import { WeftError } from '@weft/shared'
import { run } from '../lab/run.ts'
import { AGENT_CONFIG } from './host-setup.ts'

/** systemd itself gives a unit 90 s (TimeoutStartSec). */
const START_MS = 120_000

/** The configuration that the agent's units run with, and what they are allowed to write (StateDirectory=). */
const UNIT_DATA = '/var/lib/weft'
/** In the order in which they start; the resolver comes with newer packages. */
const AGENT_UNITS = ['weft-agent.socket', 'weft-dns.service', 'weft-agent.service']
export const AGENT_UNIT = 'weft-agent.service'

/** The units that run the agent of this configuration here; none where systemd does not. */
export async function agentUnits(config: string): Promise<string[]> {
  if (config !== AGENT_CONFIG || !(await hasUnit(AGENT_UNIT))) return []
  const known = await Promise.all(AGENT_UNITS.map(hasUnit))
  return AGENT_UNITS.filter((_, index) => known[index])
}

/** @throws `invalid` for a data folder that a unit of ours cannot write */
export function checkUnitData(data: string): void {
  if (data === UNIT_DATA) return
  throw new WeftError('invalid', {
    what: 'bad --data',
    on: data,
    why: `the unit may write ${UNIT_DATA} only (systemd's ProtectSystem)`,
    remedy: `leave --data out, and mount there what has the room`,
  })
}

/** True when systemd is process 1 (sd_booted(3)) and knows the unit. */
export async function hasUnit(unit: string): Promise<boolean> {
  if (!fs.existsSync('/run/systemd/system')) return false
  return await run(['systemctl', 'cat', unit]).then(
    () => true,
    () => false,
  )
}

/**
 * Enables the units and lets them run, services with the configuration that is there now (`anew`). Sockets are started and
 * never restarted: systemd refuses a socket whose service runs.
 * @throws `unavailable` with where to look
 */
export async function startUnits(units: readonly string[], anew: boolean): Promise<void> {
  await systemctl(units, ['enable', '--quiet', ...units])
  for (const unit of units) await systemctl([unit], [anew && unit.endsWith('.service') ? 'restart' : 'start', unit])
}

/** Disabled and stopped. @throws `unavailable` with where to look */
export async function stopUnits(units: readonly string[]): Promise<void> {
  await systemctl(units, ['disable', '--quiet', '--now', ...units])
}

async function systemctl(units: readonly string[], args: readonly string[]): Promise<void> {
  try {
    await run(['systemctl', ...args], { timeoutMs: START_MS })
  } catch (cause) {
    const { why = 'systemctl failed' } = WeftError.from(cause).parts
    const on = units.join(', ')
    throw new WeftError('unavailable', { what: `systemctl ${args[0]}`, on, why, remedy: journal(units.at(-1)), cause })
  }
}

/** Where to read why a unit does not do its work. */
export function journal(unit = ''): string {
  return `see why: journalctl -u ${unit} -n 30`
}
