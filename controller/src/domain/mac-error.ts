import { WeftError } from '@weft/shared'
import type { DomainDeps } from './deps.ts'
import { describeEndpoint } from './pure/holders.ts'
import { keys } from './pure/keys.ts'
import { decode, EndpointRecord, type MacRecord } from './pure/records.ts'

/** A MAC that another endpoint of the network has, or that belongs to another name. */
export async function macError(
  deps: DomainDeps,
  network: string,
  mac: string,
  { endpoint, reservation }: Pick<MacRecord, 'endpoint' | 'reservation'>,
): Promise<WeftError> {
  if (endpoint === undefined) {
    return new WeftError('conflict', {
      what: `MAC address is reserved in network ${network}`,
      on: mac,
      why: `it belongs to container name ${reservation}`,
      remedy: `ask for another one, or give it up: weft ip release ${network} ${reservation}`,
    })
  }
  const { entry } = await deps.kv.get(keys.endpoint(endpoint))
  const holder = entry === undefined ? `endpoint ${endpoint}` : describeEndpoint(decode(EndpointRecord, entry).value)
  return new WeftError('conflict', {
    what: `MAC address is in use in network ${network}`,
    on: mac,
    why: `${holder} has it`,
    remedy: 'ask for another one, or leave it to Weft',
  })
}
