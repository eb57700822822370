import { openClient } from '../client/open.ts'
import { print } from '../output/terminal.ts'
import { ownVersion } from './own-version.ts'
import type { Run } from './spec.ts'

/** Prints this command's version, then the controller's; a controller that cannot be reached is an error after that. */
export const run: Run = async (context) => {
  print(context.terminal, `weft        ${ownVersion()}`)
  const client = await openClient(context.connection, context.terminal)
  const { version, cluster } = await client.call('version', {})
  print(context.terminal, `controller  ${version}\ncluster     ${cluster}`)
  return undefined
}
