import { describe, expect, it } from 'vitest'
import { describeLab } from '../record.ts'
import type { Check } from './check.ts'
import { allHeld, runChecks, scenarioReport } from './runner.ts'

const lab = describeLab({ name: 'x', hostCount: 2, mtu: 1500, control: true })
const holds: Check = { name: 'holds', run: () => Promise.resolve('seen') }
const fails: Check = { name: 'fails', run: () => Promise.reject(new Error('not so\nin detail')) }
const hangs: Check = { name: 'hangs', run: () => new Promise(() => undefined) }
const options = (signal = new AbortController().signal) => ({ signal, nowMs: () => 0, timeoutMs: 20 })

describe('runChecks', () => {
  it('goes on after a failure, and after a check that takes too long', async () => {
    const results = await runChecks([holds, fails, hangs, holds], lab, options())
    expect(results.map(({ outcome }) => outcome)).toEqual(['ok', 'FAILED', 'FAILED', 'ok'])
    expect(results[2]?.detail).toContain('over 20 ms')
    expect(allHeld(results)).toBe(false)
  })

  it('stops at Ctrl-C: the running check fails, the others are not run', async () => {
    const stop = new AbortController()
    const presses: Check = {
      name: 'presses',
      run: () => {
        stop.abort(new Error('interrupted'))
        return new Promise(() => undefined)
      },
    }
    const results = await runChecks([presses, holds], lab, options(stop.signal))
    expect(results.map(({ outcome }) => outcome)).toEqual(['FAILED', 'not run'])
  })

  it('holds only when there were checks and all held', async () => {
    expect(allHeld([])).toBe(false)
    expect(allHeld(await runChecks([holds], lab, options()))).toBe(true)
  })
})

describe('scenarioReport', () => {
  it('is a table, the failures in full, and a count', async () => {
    const report = scenarioReport(await runChecks([holds, fails], lab, options()))
    expect(report).toMatch(/^CHECK +RESULT +SECONDS +DETAIL\nholds +ok +0\.0 +seen\nfails +FAILED/)
    expect(report).toContain('  in detail')
    expect(report).toMatch(/1 of 2 checks held$/)
  })
})
