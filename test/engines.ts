/**
 * The lab's tests on other Docker engines than the machine's own, from newer Debian packages:
 * `npm run test:engines`, `npm run test:engines -- 28 names docker` for one engine and some files.
 * Ends with one line `N passed, N failed, N skipped`: runs of the suite, one an engine.
 */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { ENGINES } from '../cli/src/lab/index.ts'

const args = process.argv.slice(2)
const named = ENGINES.filter((engine) => args.includes(engine))
const files = args.filter((arg) => !ENGINES.some((engine) => engine === arg)).map((name) => `test/lab/${name}.test.ts`)
const engines = named.length > 0 ? named : ENGINES
const failed = engines.filter((engine) => {
  console.log(`\n== Docker ${engine}`)
  const { status } = spawnSync('vitest', ['run', '--project', 'lab', ...files], {
    cwd: join(import.meta.dirname, '..'),
    stdio: 'inherit',
    env: { ...process.env, WEFT_TEST_ENGINE: engine },
  })
  return status !== 0
})
if (failed.length > 0) console.log(`\nfailed on Docker ${failed.join(' and ')}`)
console.log(`\n${engines.length - failed.length} passed, ${failed.length} failed, 0 skipped`)
process.exit(failed.length === 0 ? 0 : 1)
