import { formatHostSide, type PublicationView, parseWith, WeftError } from '@weft/shared'
import { z } from 'zod'
import { openClient } from '../../client/open.ts'
import { print } from '../../output/terminal.ts'
import { parseRef } from '../flags.ts'
import { changeEach } from '../network/wait.ts'
import type { Run } from '../spec.ts'
import { parseHostPort } from './ports.ts'

const Flags = z.strictObject({ network: z.string().optional(), wait: z.boolean().optional() })
/** Shortest beginning of an id that is taken for one. */
const SHORTEST_ID = 4

/** Closes ports one by one; prints the id of each, then waits until the hosts have closed them. */
export const run: Run = async (context, { args: [first = '', ...texts], options }) => {
  const flags = parseWith(Flags, options, 'options')
  const ref = parseRef('endpoint', first)
  const wanted = texts.map((text) => ({ text, ...parseHostPort(text) }))
  const query = { network: flags.network === undefined ? undefined : parseRef('network', flags.network) }
  const client = await openClient(context.connection, context.terminal)
  const all = await client.call('publicationList', { query })
  const named = all.filter(({ container }) => container === ref)
  const mine = named.length > 0 ? named : all.filter(({ uid }) => ref.length >= SHORTEST_ID && uid.startsWith(ref))
  if (mine.length === 0) {
    throw new WeftError('not_found', { what: 'no published port', on: ref, remedy: 'see what there is: weft port' })
  }
  const doomed = wanted.length === 0 ? mine : wanted.flatMap((port) => matching(mine, port))
  return await changeEach(context, client, doomed, flags.wait, async ({ uid }) => {
    const query = { req: context.newRequestId() }
    const removed = await client.call('publicationRemove', { params: { ref: uid }, query })
    print(context.terminal, uid)
    return removed.revision
  })
}

function matching(
  publications: readonly PublicationView[],
  wanted: { readonly text: string; readonly hostPort: number; readonly protocol?: string },
): PublicationView[] {
  const found = publications.filter(({ hostPort, protocol }) => {
    return hostPort === wanted.hostPort && protocol === (wanted.protocol ?? protocol)
  })
  if (found.length > 0) return found
  const ports = publications.map((each) => `${formatHostSide(each)}/${each.protocol}`)
  throw new WeftError('not_found', {
    what: 'no such published port',
    on: wanted.text,
    why: `published are ${ports.join(', ')}`,
    remedy: 'name one of these',
  })
}
