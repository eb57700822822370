import { containsCidr, NetworkUpdateRequest, parseCidr, parseWith } from '@weft/shared'
import { z } from 'zod'
import { openClient } from '../../client/open.ts'
import { changeText } from '../../output/change.ts'
import { note, print, printable } from '../../output/terminal.ts'
import { bad, parseLabels, parsePairs, parseRef, withFlag } from '../flags.ts'
import type { Run } from '../spec.ts'
import { hostLines } from './hosts.ts'
import { fill, subnetSlots } from './request.ts'
import { waitForHosts } from './wait.ts'

const texts = z.array(z.string()).default([])
const Flags = z.strictObject({
  labelAdd: texts,
  labelRm: texts,
  opt: texts,
  optRm: texts,
  ipRange: texts,
  auxAddress: texts,
  auxRm: texts,
  subnet: texts,
  gateway: texts,
  dryRun: z.boolean().default(false),
  wait: z.boolean().optional(),
})
type Flags = z.infer<typeof Flags>

/** Changes a living network, prints what changed, waits for the hosts. */
export const run: Run = async (context, { args, options }) => {
  const { terminal } = context
  const flags = parseWith(Flags, options, 'options')
  const ref = parseRef('network', args[0] ?? '')
  const body = updateRequest(flags, context.newRequestId())
  const client = await openClient(context.connection, terminal)
  const { network, changes, warnings } = await client.call('networkUpdate', { params: { ref }, body })
  for (const warning of warnings) note(terminal, `warning: ${printable(warning)}`)
  if (changes.length === 0) {
    note(terminal, `nothing to change: ${network.name} is so already`)
    return undefined
  }
  print(terminal, changes.map(changeText).join('\n'))
  if (!flags.dryRun) return await waitForHosts(context, client, network.revision, flags.wait)
  print(terminal, (await hostLines(client, network.uid)).join('\n'))
  note(terminal, 'dry run: nothing was changed')
  return undefined
}

/** The request that flags ask for. Throws `invalid` with the flag, the value, the rule and the remedy. */
export function updateRequest(flags: Flags, req: string): z.input<typeof NetworkUpdateRequest> {
  const slots = subnetSlots(flags)
  const ipRanges: string[] = []
  for (const text of flags.ipRange) {
    const range = withFlag('--ip-range', () => parseCidr(text))
    const fits = (subnet: Parameters<typeof containsCidr>[0]) => containsCidr(subnet, range)
    if (slots.some(({ subnet }) => fits(subnet))) fill(slots, '--ip-range', text, 'ipRange', fits)
    else ipRanges.push(text)
  }
  const request = {
    req,
    labels: parseLabels('--label-add', flags.labelAdd),
    labelsRemove: flags.labelRm,
    options: parsePairs('--opt', flags.opt, 'mtu=1400'),
    optionsRemove: flags.optRm,
    ipRanges,
    auxAddresses: parsePairs('--aux-address', flags.auxAddress, 'router=10.20.0.5'),
    auxRemove: flags.auxRm,
    subnets: slots.map((slot) => slot.request),
    dryRun: flags.dryRun,
  }
  const { req: _, dryRun: __, ...wishes } = request
  if (Object.values(wishes).every((wish) => Object.keys(wish).length === 0))
    throw bad(
      'command line',
      'network update',
      'it says nothing to change',
      'add --label-add, -o, --ip-range or --subnet',
    )
  parseWith(NetworkUpdateRequest, request, 'network update request')
  return request
}
