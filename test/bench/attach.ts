/** What attaching costs Docker's users: `docker start` on a network minus `docker start` with `--network none`. */
import type { Lab } from '../../cli/src/lab/index.ts'
import { createContainer, removeContainer, startContainer } from './engine.ts'
import type { BenchNetwork } from './networks.ts'
import { addSample, shuffled } from './statistics.ts'

/** Start times in milliseconds by label; one index is one round. */
export type AttachSamples = Record<string, number[]>

/** One container a network is kept running on the host all the while, so that no start is the network's first. */
export async function measureAttach(
  lab: Lab,
  networks: readonly BenchNetwork[],
  rounds: number,
): Promise<AttachSamples> {
  const socket = lab.hosts[0]?.dockerSocket ?? ''
  const kinds = [
    { label: 'none', network: 'none' },
    { label: 'Docker bridge', network: 'bridge' },
    ...networks.map(({ label, network }) => ({ label, network })),
  ]
  const residents = await Promise.all(kinds.map(({ network }) => createContainer(socket, network)))
  for (const resident of residents) await startContainer(resident)
  const samples: AttachSamples = {}
  try {
    for (let round = 0; round < rounds; round++) {
      for (const { label, network } of shuffled(kinds)) {
        const container = await createContainer(socket, network)
        const began = performance.now()
        await startContainer(container)
        const took = performance.now() - began
        addSample(samples, label, took)
        await removeContainer(container)
      }
    }
  } finally {
    for (const resident of residents) await removeContainer(resident)
  }
  return samples
}
