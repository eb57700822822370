import path from 'node:path'
import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** Every story, in this order: the last one purges Weft from a host. */
const STORIES = [
  'readme.test.ts',
  'vlan.test.ts',
  'nic.test.ts',
  'uplink.test.ts',
  'wire.test.ts',
  'ipvlan.test.ts',
  'package.test.ts',
]
/** What runs beside them when there is time: `npm test -- rig-long`. */
const LONG = ['uplink.test.ts', 'wire.test.ts', 'ipvlan.test.ts']
const isLong = process.env.RIG_LONG === '1'

class InOrder extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification) => STORIES.indexOf(path.basename(moduleId))
    return files.sort((a, b) => place(a) - place(b))
  }
}

/** The tests on real machines. One rig for all files, made and taken down by global-setup.ts. */
export default defineConfig({
  resolve: { conditions: ['source'] },
  ssr: { resolve: { conditions: ['source'] } },
  test: {
    name: 'rig',
    root: import.meta.dirname,
    include: STORIES.filter((story) => isLong || !LONG.includes(story)),
    globalSetup: './global-setup.ts',
    testTimeout: 300_000,
    hookTimeout: 400_000,
    fileParallelism: false,
    sequence: { sequencer: InOrder },
    // What fails once on real machines is looked into; the rest of the story depends on it.
    bail: 1,
  },
})
