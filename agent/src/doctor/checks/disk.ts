/** Room where the agent and Docker write. A full disk loses intents first and images next. */
import { statfs } from 'node:fs/promises'
import { hostCheck } from './check.ts'

interface Facts {
  readonly folder: string
  readonly freeBytes: number
  readonly totalBytes: number
}

const MIB = 1024 * 1024
const ERROR_BYTES = 100 * MIB
const WARN_BYTES = 1024 * MIB

export const disk = hostCheck<readonly Facts[]>({
  name: 'disk',
  probe: async (env) => {
    // Without Docker its folder is not known; that Docker does not answer is another check's finding.
    const root = await env.docker().then(
      (engine) => [engine.root],
      () => [],
    )
    return await Promise.all([env.dataFolder, ...root].map(spaceOf))
  },
  judge: (folders) =>
    folders.map(({ folder, freeBytes, totalBytes }) => {
      const measured = `${folder}: ${Math.floor(freeBytes / MIB)} MiB of ${Math.floor(totalBytes / MIB)} MiB free`
      if (freeBytes >= WARN_BYTES) return { severity: 'ok', measured }
      return {
        severity: freeBytes < ERROR_BYTES ? 'error' : 'warn',
        measured,
        why: 'when it is full, no intent is kept and no container started',
        remedy: `df -h ${folder}; docker system prune`,
      }
    }),
})

async function spaceOf(folder: string): Promise<Facts> {
  const { bavail, blocks, bsize } = await statfs(folder)
  return { folder, freeBytes: bavail * bsize, totalBytes: blocks * bsize }
}
