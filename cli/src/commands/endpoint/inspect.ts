import { inspectEach } from '../inspect.ts'
import type { Run } from '../spec.ts'

/** Prints a JSON array with those endpoints that exist; the others are errors. */
export const run: Run = async (context, given) =>
  await inspectEach(context, 'endpoint', given, (client, ref) => client.call('endpointInspect', { params: { ref } }))
