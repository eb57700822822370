import { Name, type PublishOn, parseWith, WeftError } from '@weft/shared'
import { z } from 'zod'
import { openClient } from '../../client/open.ts'
import { note, print } from '../../output/terminal.ts'
import { parseRef } from '../flags.ts'
import { changeEach } from '../network/wait.ts'
import type { Run } from '../spec.ts'
import { parsePortPair } from './ports.ts'

const Flags = z.strictObject({
  network: z.string().optional(),
  ip: z.string().optional(),
  host: z.array(z.string()).default([]),
  allHosts: z.boolean().default(false),
  wait: z.boolean().optional(),
})

/** The hosts are asked about the ports first, which may take them 5 s. */
const PUBLISH_MS = 15_000

/** Publishes ports one by one; prints the id of each, then waits until the hosts have opened them. */
export const run: Run = async (context, { args: [first = '', ...texts], options }) => {
  const flags = parseWith(Flags, options, 'options')
  const container = parseRef('endpoint', first)
  const network = flags.network === undefined ? undefined : parseRef('network', flags.network)
  const on = publishOn(flags)
  const ports = texts.map((text) => parsePortPair(text, flags.ip))
  const client = await openClient(context.connection, context.terminal)
  return await changeEach(context, client, ports, flags.wait, async (port) => {
    const body = { req: context.newRequestId(), container, network, ...port, on }
    const made = await client.call('publicationCreate', { body }, PUBLISH_MS)
    for (const warning of made.warnings) note(context.terminal, `warning: ${warning}`)
    print(context.terminal, made.uid)
    return made.revision
  })
}

function publishOn({ host, allHosts }: z.infer<typeof Flags>): PublishOn {
  if (allHosts && host.length > 0) {
    throw new WeftError('invalid', {
      what: '--host beside --all-hosts',
      on: host.join(', '),
      remedy: 'give one of them',
    })
  }
  if (allHosts) return 'all'
  return host.length === 0 ? 'own' : host.map((each) => parseWith(Name, each, '--host'))
}
