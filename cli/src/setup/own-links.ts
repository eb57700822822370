/** What Weft's agent leaves on a host that would go on answering for addresses after the host has left. */
import { interfaceName, ROUTER_NETNS_PREFIX, WEFT_LINK_GROUP, WeftError } from '@weft/shared'
import { z } from 'zod'
import { run } from '../lab/run.ts'

const SHIM = interfaceName('shim', '').slice(0, 3)
const Links = z.array(z.object({ ifname: z.string().optional() }))

/** Removes the host's shims and the namespaces of routers; answers what went. @throws `internal` with what `ip` says */
export async function removeOwnAccess(): Promise<string[]> {
  const links = Links.parse(
    JSON.parse((await run(['ip', '-j', 'link', 'show', 'group', String(WEFT_LINK_GROUP)])) || '[]'),
  )
  const shims = links.flatMap(({ ifname }) => (ifname?.startsWith(SHIM) === true ? ifname : []))
  const listed = (await run(['ip', 'netns', 'list'])).split('\n').map((line) => line.split(' ')[0] ?? '')
  const routers = listed.filter((name) => name.startsWith(ROUTER_NETNS_PREFIX))
  const failures: WeftError[] = []
  const gone: string[] = []
  for (const [name, argv] of [
    ...shims.map((name) => [name, ['ip', 'link', 'delete', 'dev', name]] as const),
    ...routers.map((name) => [name, ['ip', 'netns', 'delete', name]] as const),
  ]) {
    await run(argv).then(
      () => gone.push(name),
      (thrown: unknown) => failures.push(WeftError.from(thrown)),
    )
  }
  const [first] = failures
  if (first !== undefined) throw first
  return gone
}
