/** Weft's units, where systemd runs and the package put them there. */
import fs from 'node:fs'
import { WeftError } from '@weft/shared'
import { run } from '../lab/run.ts'

/** True when systemd is process 1 (sd_booted(3)) and knows the unit. */
export async function hasUnit(unit: string): Promise<boolean> {
  if (!fs.existsSync('/run/systemd/system')) return false
  return await run(['systemctl', 'cat', unit]).then(
    () => true,
    () => false,
  )
}

/** Enabled, and running with the configuration that is there now. @throws `unavailable` with where to look */
export async function startUnits(units: readonly string[], anew: boolean): Promise<void> {
  await systemctl(units, ['enable', '--quiet', ...units])
  await systemctl(units, [anew ? 'restart' : 'start', ...units])
}

/** Disabled and stopped. @throws `unavailable` with where to look */
export async function stopUnits(units: readonly string[]): Promise<void> {
  await systemctl(units, ['disable', '--quiet', '--now', ...units])
}

async function systemctl(units: readonly string[], args: readonly string[]): Promise<void> {
  try {
    await run(['systemctl', ...args])
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
