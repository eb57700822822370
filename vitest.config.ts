import { defineConfig } from 'vitest/config'

const source = { resolve: { conditions: ['source'] }, ssr: { resolve: { conditions: ['source'] } } }

/** One project per rung of the ladder; CONTRIBUTING.md says what each needs from the machine. */
export default defineConfig({
  test: {
    projects: [
      {
        ...source,
        test: { name: 'unit', include: ['{shared,controller,agent,cli}/src/**/*.test.ts', 'test/plan/**/*.test.ts'] },
      },
      {
        ...source,
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        ...source,
        test: { name: 'kernel', include: ['test/kernel/**/*.test.ts'], testTimeout: 30_000, fileParallelism: false },
      },
      {
        ...source,
        test: {
          name: 'lab',
          include: ['test/lab/**/*.test.ts'],
          testTimeout: 300_000,
          hookTimeout: 300_000,
          fileParallelism: false,
        },
      },
      {
        ...source,
        test: {
          name: 'systemd',
          include: ['test/systemd/**/*.test.ts'],
          testTimeout: 400_000,
          hookTimeout: 400_000,
          fileParallelism: false,
        },
      },
    ],
  },
})
