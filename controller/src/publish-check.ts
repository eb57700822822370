/** Before a port is published: the hosts that are to open it say whether somebody has it there. */
import { formatHostSide, WeftError } from '@weft/shared'
import type { AskHost } from './ask-host.ts'
import type { ClusterView } from './domain/index.ts'
import { type PublicationPlan, publishingHosts } from './domain/index.ts'

const HOST_MS = 5_000

/**
 * @returns a warning for each host that could not be asked: it will tell by itself, in `weft status`
 * @throws `conflict` naming the hosts where the port is taken, and by whom
 */
export async function checkPorts(view: ClusterView, askHost: AskHost, plan: PublicationPlan): Promise<string[]> {
  const hosts = publishingHosts(view, plan).sort()
  const { protocol, hostPort, hostIp } = plan
  const request = { ports: [{ protocol, port: hostPort, ...(hostIp === undefined ? {} : { ip: hostIp }) }] }
  const answers = await Promise.all(
    hosts.map(async (host) => {
      try {
        return { host, taken: (await askHost(host, 'ports', request, HOST_MS)).taken }
      } catch (thrown) {
        const error = WeftError.from(thrown)
        if (!error.retryable) throw error
        return { host, silent: error.message }
      }
    }),
  )
  const taken = answers.flatMap(({ host, taken }) => (taken ?? []).map(({ by }) => `on ${host} ${by} has it`))
  if (taken.length > 0) {
    throw new WeftError('conflict', {
      what: 'port is taken',
      on: `${formatHostSide(plan)}/${protocol}`,
      why: taken.join('; '),
      remedy: 'choose another port, or free it there',
    })
  }
  return answers.flatMap(({ host, silent }) => (silent === undefined ? [] : [`${host} was not asked: ${silent}`]))
}
