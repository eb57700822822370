/** The end of joining: the controller sees the host alive, and the host has done what it was told. */
import { setTimeout as sleep } from 'node:timers/promises'
import { WeftError } from '@weft/shared'
import type { Client } from '../client/client.ts'
import { journal } from './systemd.ts'

const WITHIN_MS = 60_000
const EVERY_MS = 250

/** @throws `not_converged` with what the host reported last, and where its log is */
export async function waitUntilConverged(client: Client, id: string, unit: string): Promise<void> {
  const end = performance.now() + WITHIN_MS
  let why = 'the controller has not heard of it'
  while (performance.now() < end) {
    const { hosts } = await client.call('status', { query: {} })
    const host = hosts.find((each) => each.id === id)
    if (host?.alive === true && host.converged) return
    if (host !== undefined) {
      const problems = host.problems.map(({ message }) => message)
      why = [host.alive ? 'it is alive' : 'it is not alive', ...problems].join('; ')
    }
    await sleep(EVERY_MS)
  }
  const what = `the host did not converge within ${WITHIN_MS / 1000} s`
  throw new WeftError('not_converged', { what, on: id, why, remedy: journal(unit) })
}
