import { inspectEach } from '../inspect.ts'
import type { Run } from '../spec.ts'

/** Prints a JSON array with those hosts that exist; the others are errors. */
export const run: Run = async (context, given) =>
  await inspectEach(context, 'host', given, (client, ref) => client.call('hostInspect', { params: { ref } }))
