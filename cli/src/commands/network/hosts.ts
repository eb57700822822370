/** Which hosts a change of a network concerns, for dry runs. */
import type { Client } from '../../client/client.ts'

/** `  on host docker1 (3 endpoints)`, every host; without a network none has endpoints yet. */
export async function hostLines(client: Client, network?: string): Promise<string[]> {
  const hosts = await client.call('hostList', {})
  const endpoints = network === undefined ? [] : await client.call('endpointList', { query: { network } })
  return hosts.map(({ id, alive }) => {
    const count = endpoints.filter(({ host }) => host === id).length
    const facts = [
      ...(count === 0 ? [] : [`${count} endpoint${count === 1 ? '' : 's'}`]),
      ...(alive ? [] : ['silent now: when it is back']),
    ]
    return `  on host ${id}${facts.length === 0 ? '' : ` (${facts.join('; ')})`}`
  })
}
