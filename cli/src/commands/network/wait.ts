/** Waiting after a change until the hosts have followed, as far as they do. */
import type { Client } from '../../client/client.ts'
import { lagging } from '../../output/status.ts'
import { note } from '../../output/terminal.ts'
import { forEach } from '../each.ts'
import type { Context } from '../spec.ts'

const FOLLOW_MS = 10_000
const ANSWER_MS = 5_000

/**
 * `wait` as commander gives it: true for --wait, false for --no-wait, undefined for neither. Waits up to 10 s and writes
 * a line for each live host that has not applied `revision`. Gives back the exit code: 7 only with --wait.
 */
export async function waitForHosts(
  context: Context,
  client: Client,
  revision: number,
  wait: boolean | undefined,
): Promise<number | undefined> {
  if (wait === false) return undefined
  const query = { wait: true, revision, timeoutMs: FOLLOW_MS }
  const view = await client.call('status', { query }, FOLLOW_MS + ANSWER_MS)
  const behind = view.hosts.filter((host) => host.alive && !host.converged && (host.applied ?? -1) < revision)
  for (const host of behind) note(context.terminal, `warning: ${lagging(host)}`)
  if (behind.length > 0) note(context.terminal, `  next: weft status --wait --revision ${revision}`)
  return behind.length > 0 && wait === true ? 7 : undefined
}

/**
 * Changes several things one by one, as {@link forEach} does, then waits once until the hosts have followed the last change.
 * @param change gives back the revision that it was made at
 */
export async function changeEach<T>(
  context: Context,
  client: Client,
  items: readonly T[],
  wait: boolean | undefined,
  change: (item: T) => Promise<number>,
): Promise<number | undefined> {
  let revision = 0
  const exit = await forEach(context, items, async (item) => {
    revision = Math.max(revision, await change(item))
  })
  const late = revision === 0 ? undefined : await waitForHosts(context, client, revision, wait)
  return exit ?? late
}
