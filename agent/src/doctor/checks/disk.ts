/** Room where the agent and Docker write. A full disk loses intents first and images next. */
import { statfs } from 'node:fs/promises'
import { judgeRoom, type RoomFacts } from '@weft/shared'
import { hostCheck } from './check.ts'

export const disk = hostCheck<readonly RoomFacts[]>({
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
    folders.map((facts) => {
      const judged = judgeRoom(facts)
      if (judged.severity === 'ok') return judged
      return {
        ...judged,
        why: 'when it is full, no intent is kept and no container started',
        remedy: `df -h ${facts.folder}; docker system prune`,
      }
    }),
})

async function spaceOf(folder: string): Promise<RoomFacts> {
  const { bavail, blocks, bsize } = await statfs(folder)
  return { folder, freeBytes: bavail * bsize, totalBytes: blocks * bsize }
}
