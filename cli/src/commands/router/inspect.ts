import { inspectEach } from '../inspect.ts'
import type { Run } from '../spec.ts'

/** Prints a JSON array with those routers that exist; the others are errors. */
export const run: Run = async (context, given) =>
  await inspectEach(context, 'router', given, (client, ref) => client.call('routerInspect', { params: { ref } }))
