import { type FoundDockerNetwork, type NetworkView, parseWith, type TakenOver, WeftError } from '@weft/shared'
import { z } from 'zod'
import type { Client } from '../../client/client.ts'
import { openClient } from '../../client/open.ts'
import { note, print } from '../../output/terminal.ts'
import { parseRef } from '../flags.ts'
import type { Context, Run } from '../spec.ts'
import { type ImportPlan, importPlan } from './plan.ts'

const Flags = z.strictObject({
  driver: z.string().optional(),
  name: z.string().optional(),
  dryRun: z.boolean().default(false),
})

/** A move with many containers outlasts one answer: it is asked for again. */
const MOST_ASKED = 20
const FAILED = 1

/** Takes a Docker network over; prints the new network's id, and on stderr what becomes of its containers. */
export const run: Run = async (context, { args, options }) => {
  const { dryRun, ...wish } = parseWith(Flags, options, 'options')
  const [host, from] = [parseRef('host', args[0] ?? ''), parseRef('network', args[1] ?? '')]
  const client = await openClient(context.connection, context.terminal)
  const found = await client.call('importLook', { params: { host, network: from } })
  const plan = importPlan(found, host, wish)
  for (const text of plan.notes) note(context.terminal, `warning: ${text}`)
  const body = { ...plan.request, req: context.newRequestId(), dryRun }
  const network = await client.call('networkCreate', { body })
  for (const text of network.warnings) note(context.terminal, `warning: ${text}`)
  if (dryRun) {
    print(context.terminal, planText(found, network, host))
    return undefined
  }
  const { moved, failed } = await takeOver(context, client, { plan, network, host, from: found.id })
  print(context.terminal, network.uid)
  for (const name of moved) note(context.terminal, `${name} is on network ${network.name}`)
  for (const { name, why } of failed) {
    note(
      context.terminal,
      `${name} is not: ${why}; its address waits for it: docker network connect ${network.name} ${name}`,
    )
  }
  return failed.length > 0 ? FAILED : undefined
}

interface Taking {
  readonly plan: ImportPlan
  readonly network: NetworkView
  readonly host: string
  readonly from: string
}

/** Reserves and moves; before the first container is touched whatever fails leaves nothing behind. */
async function takeOver(context: Context, client: Client, { plan, network, host, from }: Taking): Promise<TakenOver> {
  const undo = async () =>
    await client.call('networkRemove', { params: { ref: network.uid }, query: { req: context.newRequestId() } })
  try {
    for (const reservation of plan.reservations) {
      const body = { ...reservation, req: context.newRequestId() }
      await client.call('ipReserve', { params: { ref: network.uid }, body })
    }
    return await move(context, client, { host, from, to: network.uid })
  } catch (thrown) {
    const error = WeftError.from(thrown)
    // Who may still be moving containers is not cut off.
    if (!error.ambiguous) {
      await undo().catch((left: unknown) => note(context.terminal, `warning: ${WeftError.from(left).message}`))
    }
    throw error
  }
}

async function move(
  context: Context,
  client: Client,
  { host, from, to }: { readonly host: string; readonly from: string; readonly to: string },
): Promise<TakenOver> {
  const req = context.newRequestId()
  for (let asked = 1; ; asked++) {
    try {
      return await client.call('importMove', { params: { host, network: from }, body: { req, to } })
    } catch (thrown) {
      const error = WeftError.from(thrown)
      if (error.code !== 'deadline' || !error.ambiguous || asked === MOST_ASKED) throw error
    }
  }
}

function planText(found: FoundDockerNetwork, network: NetworkView, host: string): string {
  const subnets = network.subnets.map(({ cidr, gateway }) => `${cidr} (gateway ${gateway})`).join(', ')
  const members = found.members.map(({ name, running, addresses, mac }) =>
    running && addresses.length > 0
      ? `  ${name} keeps ${addresses.join(' and ')}${mac === undefined ? '' : `, MAC ${mac}`}; away for some seconds`
      : `  ${name} is stopped; it gets an address when it starts`,
  )
  return [
    `network ${network.name}, driver ${network.driver}: ${subnets}, on every host`,
    `Docker network ${found.name} of ${host} is removed`,
    ...(members.length === 0 ? ['no container is on it'] : ['containers, moved one after another:', ...members]),
  ].join('\n')
}
