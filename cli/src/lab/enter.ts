/** Entering a lab host. */
import { WeftError } from '@weft/shared'
import { holderOf } from './host.ts'
import type { HostLayout } from './layout.ts'

/**
 * Command line that runs `argv` as on the host: its links, mounts, processes and name.
 * Throws `unavailable` when the host is not up.
 */
export function enterHost(host: HostLayout, argv: readonly string[]): string[] {
  const holder = holderOf(host)
  if (holder === undefined)
    throw new WeftError('unavailable', {
      what: 'lab host is not up',
      on: host.name,
      remedy: 'bring the lab up: weft lab up',
    })
  return ['nsenter', `--target=${holder}`, '--net', '--mount', '--uts', '--pid', '--', ...argv]
}
