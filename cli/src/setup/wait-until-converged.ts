/** The end of joining: the controller sees the host alive, and the host has done what it was told. */
import { setTimeout as sleep } from 'node:timers/promises'
import { WeftError } from '@weft/shared'
import type { Client } from '../client/client.ts'

const WITHIN_MS = 60_000
const EVERY_MS = 250

/** @throws `not_converged` with what the host reported last, and the remedy that is given (where its log is) */
export async function waitUntilConverged(client: Client, id: string, remedy: string): Promise<void> {
  const end = performance.now() + WITHIN_MS
  let why = ''
  while (performance.now() < end) {
    const seen = await look(client, id)
    if (seen === 'converged') return
    why = seen
    await sleep(EVERY_MS)
  }
  const what = `the host did not converge within ${WITHIN_MS / 1000} s`
  throw new WeftError('not_converged', { what, on: id, why, remedy })
}

/** How the host stands; a controller that does not answer now may answer the next time. */
async function look(client: Client, id: string): Promise<string> {
  try {
    const { hosts } = await client.call('status', { query: {} })
    const host = hosts.find((each) => each.id === id)
    if (host === undefined) return 'the controller has not heard of it'
    if (host.alive && host.converged) return 'converged'
    const problems = host.problems.map(({ message }) => message)
    return [host.alive ? 'it is alive and not yet where it should be' : 'it is not alive', ...problems].join('; ')
  } catch (thrown) {
    const error = WeftError.from(thrown)
    if (!error.retryable) throw error
    return error.message
  }
}
