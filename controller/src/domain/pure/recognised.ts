import { type AgentReply, type AgentRequest, WeftError } from '@weft/shared'
import { endpointSpec } from './compile.ts'
import type { EndpointRecord } from './records.ts'

/** The endpoint that an earlier, equal request made. Throws `conflict` when that one wanted something else. */
export function recognised(record: EndpointRecord, request: AgentRequest<'claim'>): AgentReply<'claim'> {
  const same =
    record.req === request.req &&
    record.network === request.network &&
    (request.address === undefined || record.addresses.some(({ ip }) => ip === request.address))
  if (same) return claimReply(record)
  throw new WeftError('conflict', {
    what: 'request id was used for something else',
    on: request.req,
    why: `it made endpoint ${record.uid} with ${record.addresses.map(({ ip }) => ip).join(', ')}`,
    remedy: 'use a new request id for every new wish',
  })
}

export function claimReply(record: EndpointRecord): AgentReply<'claim'> {
  const { name, reserved } = record
  return {
    endpoint: endpointSpec(record),
    ...(reserved === undefined || name === undefined ? {} : { reservedFor: name }),
  }
}
