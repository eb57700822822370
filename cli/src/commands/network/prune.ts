import { type NetworkView, parseWith, WeftError } from '@weft/shared'
import { z } from 'zod'
import type { Client } from '../../client/client.ts'
import { openClient } from '../../client/open.ts'
import { confirm } from '../../output/ask.ts'
import { note, print } from '../../output/terminal.ts'
import { hasLabel, labelled } from '../filters.ts'
import { parseUntil } from '../flags.ts'
import { type Filter, rowFilter } from '../list.ts'
import type { Context, Run } from '../spec.ts'
import { changeEach } from './wait.ts'

const Flags = z.strictObject({
  force: z.boolean().default(false),
  filter: z.array(z.string()).default([]),
  dryRun: z.boolean().default(false),
  wait: z.boolean().optional(),
})

/** As Docker's: labels that must be there, that must not, and the age. `until` is text that was checked already. */
export function pruneFilters(nowMs: number): Readonly<Record<string, Filter<NetworkView>>> {
  return {
    label: labelled(({ labels }) => labels),
    'label!': { every: true, match: ({ labels }, wanted) => !hasLabel(labels, wanted) },
    until: {
      check: (wanted) => void parseUntil(wanted, nowMs),
      every: true,
      match: ({ createdAt }, wanted) => Date.parse(createdAt) < parseUntil(wanted, nowMs),
    },
  }
}

/** Says which networks nobody uses on any host, asks, and removes them. */
export const run: Run = async (context, { options }) => {
  const { terminal } = context
  const flags = parseWith(Flags, options, 'options')
  const passes = rowFilter(pruneFilters(Date.now()), flags.filter)
  const client = await openClient(context.connection, terminal)
  const networks = (await client.call('networkList', {})).filter(passes)
  const unused = await unusedOf(context, client, networks)
  if (unused.length === 0) {
    note(terminal, 'nothing to remove: every network that the filters leave is in use')
    return undefined
  }
  if (flags.dryRun || !flags.force) note(terminal, planText(unused))
  if (flags.dryRun) {
    note(terminal, 'dry run: nothing was changed')
    return undefined
  }
  if (!flags.force && !(await confirm(terminal, 'Remove them from all hosts?', '-f'))) return undefined
  return await removeAll(context, client, unused, flags.wait)
}

/**
 * Those that the controller would remove, and nothing with them: who else uses a network (a router, a stopped container)
 * it knows best, and addresses that are reserved for names are somebody's plan.
 */
async function unusedOf(context: Context, client: Client, networks: readonly NetworkView[]): Promise<NetworkView[]> {
  const unused: NetworkView[] = []
  for (const network of networks) {
    try {
      const query = { req: context.newRequestId(), dryRun: true }
      const { reservations } = await client.call('networkRemove', { params: { ref: network.uid }, query })
      if (reservations.length === 0) unused.push(network)
    } catch (error) {
      if (WeftError.from(error).code !== 'conflict') throw error
    }
  }
  return unused
}

function planText(networks: readonly NetworkView[]): string {
  const lines = networks.map(
    ({ name, driver, subnets, createdAt }) =>
      `  ${name} (${driver}, ${subnets.map(({ cidr }) => cidr).join(' ')}, of ${createdAt.slice(0, 10)})`,
  )
  return ['These networks are used by nothing on any host:', ...lines].join('\n')
}

async function removeAll(
  context: Context,
  client: Client,
  networks: readonly NetworkView[],
  wait: boolean | undefined,
): Promise<number | undefined> {
  const { terminal } = context
  print(terminal, 'Deleted Networks:')
  return await changeEach(context, client, networks, wait, async ({ uid, name }) => {
    const query = { req: context.newRequestId() }
    const removed = await client.call('networkRemove', { params: { ref: uid }, query })
    print(terminal, name)
    return removed.revision
  })
}
