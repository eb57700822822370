/**
 * The whole suite in stages, each on the rung of the ladder that it needs; `npm test -- unit kernel` runs some.
 * What takes long on emulated machines runs when it is named: `npm test -- rig-long`.
 * Ends with one line `N passed, N failed, N skipped`; a stage that ran no test counts as failed.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { whyNot } from './rig/machine-needs.ts'

interface Counts {
  passed: number
  failed: number
  skipped: number
}

const ROOT = join(import.meta.dirname, '..')
/** A bound, no budget: alone on two cores a cold rig takes a third of it. Past that it is stuck, and the other stages count. */
const RIG_SECONDS = 1_500
const STAGES = {
  lint: () => command(['biome', 'ci', '--colors=off', '.']),
  types: () => command(['tsc', '--project', 'test/tsconfig.json']),
  unit: () => vitest('unit'),
  integration: () => vitest('integration'),
  kernel: () => vitest('kernel'),
  lab: () => vitest('lab'),
  systemd: () => vitest('systemd'),
  rig: () => rig({ RIG_LONG: '0' }, RIG_SECONDS),
  'rig-long': () => rig({ RIG_LONG: '1' }, 2 * RIG_SECONDS),
} as const satisfies Record<string, () => Counts>

const wanted = process.argv.slice(2)
const ON_DEMAND = ['rig-long']
const unknown = wanted.filter((stage) => !(stage in STAGES))
if (unknown.length > 0) {
  console.error(`unknown stage ${unknown.join(', ')}; the stages are ${Object.keys(STAGES).join(', ')}`)
  process.exit(2)
}

const total: Counts = { passed: 0, failed: 0, skipped: 0 }
const rows: string[] = []
for (const [name, run] of Object.entries(STAGES)) {
  if (wanted.length > 0 ? !wanted.includes(name) : ON_DEMAND.includes(name)) continue
  const began = performance.now()
  console.log(`\n== ${name}`)
  const counts = run()
  for (const key of ['passed', 'failed', 'skipped'] as const) total[key] += counts[key]
  const seconds = ((performance.now() - began) / 1000).toFixed(1)
  rows.push(
    `${name.padEnd(12)} ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped in ${seconds} s`,
  )
}
console.log(`\n${rows.join('\n')}\n`)
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`)
process.exit(total.failed === 0 && total.passed > 0 ? 0 : 1)

function command(argv: readonly [string, ...string[]]): Counts {
  const result = spawnSync(argv[0], argv.slice(1), { cwd: ROOT, stdio: 'inherit' })
  return result.status === 0 ? { passed: 1, failed: 0, skipped: 0 } : { passed: 0, failed: 1, skipped: 0 }
}

/** Runs one vitest project and takes its counts from the JSON report; skipped tests are listed with their names. */
function vitest(project: string, more: readonly string[] = [], env: NodeJS.ProcessEnv = {}, seconds = 0): Counts {
  const folder = mkdtempSync(join(tmpdir(), 'weft-test-'))
  const report = join(folder, 'report.json')
  const argv = ['run', '--project', project, ...more, '--reporter=default', '--reporter=json', `--outputFile=${report}`]
  // timeout(1): 0 is no bound; in the foreground, so that Ctrl-C ends both.
  const bounded = ['--foreground', '--kill-after=20', String(seconds), 'vitest', ...argv]
  const { status } = spawnSync('timeout', bounded, { cwd: ROOT, stdio: 'inherit', env: { ...process.env, ...env } })
  try {
    if (!existsSync(report)) {
      console.log(`${project}: no report; vitest ended with ${status}${status === 124 ? ` after ${seconds} s` : ''}`)
      return { passed: 0, failed: 1, skipped: 0 }
    }
    const json = JSON.parse(readFileSync(report, 'utf8')) as {
      numPassedTests: number
      numFailedTests: number
      numPendingTests: number
      testResults: { assertionResults: { status: string; fullName: string }[] }[]
    }
    for (const test of json.testResults.flatMap((file) => file.assertionResults)) {
      if (test.status !== 'passed' && test.status !== 'failed') console.log(`skipped: ${test.fullName}`)
    }
    const failed = json.numFailedTests + (status !== 0 && json.numFailedTests === 0 ? 1 : 0)
    const none = json.numPassedTests + failed === 0
    return { passed: json.numPassedTests, failed: none ? 1 : failed, skipped: json.numPendingTests }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Real machines, emulated; where they cannot be, one skipped test with the reason. A stage that is stuck takes them along. */
function rig(env: NodeJS.ProcessEnv, seconds: number): Counts {
  const verb = (name: string) =>
    spawnSync('node', ['--conditions=source', 'test/rig/main.ts', name], { cwd: ROOT, stdio: 'inherit' })
  const reason =
    whyNot() ?? (verb('needs').status === 0 ? undefined : 'its Debian packages cannot be installed (above)')
  if (reason !== undefined) {
    console.log(`skipped: rig, ${reason}`)
    return { passed: 0, failed: 0, skipped: 1 }
  }
  const lifetime = { RIG_LIFETIME: `${seconds}s`, ...env }
  const began = performance.now()
  const counts = vitest('rig', ['--config', 'test/rig/vitest.config.ts'], lifetime, seconds)
  const stuck = performance.now() - began > seconds * 1000
  if (stuck) verb('down')
  return counts
}
