import type { DoctorFinding } from '@weft/shared'
import { describe, expect, it } from 'vitest'
import { findingsScreen, tally, worstLast } from '../../output/findings.ts'
import { choosePairs, countPairs, MOST_PAIRS_UNASKED } from './pairs.ts'

const names = (count: number) => Array.from({ length: count }, (_, index) => `docker${index + 1}`)

describe('pairs', () => {
  it.each<[string, number, number[], boolean, string]>([
    ['no host', 0, [], true, ''],
    ['one host', 1, [1], true, ''],
    ['two hosts', 2, [1, 2], false, '1-2'],
    ['three hosts', 3, [1, 2, 3], false, '1-2 2-3 1-3'],
    ['four hosts', 4, [1, 2, 3, 4], true, '1-2 2-3 3-4 1-4 1-3 2-4'],
    ['one of three', 3, [2], false, '1-2 2-3'],
    ['two of four, with the rest', 4, [1, 2], true, '1-2 2-3 1-4 1-3 2-4'],
  ])('%s', (_, count, wanted, every, expected) => {
    const hosts = names(count)
    const chosen = choosePairs(
      hosts,
      wanted.map((number) => `docker${number}`),
      every,
    )
    expect(chosen.map((pair) => pair.join('-').replaceAll('docker', '')).join(' ')).toBe(expected)
  })

  it('takes each pair once, and all of them when asked', () => {
    const hosts = names(13)
    const all = choosePairs(hosts, hosts, true)
    expect(all).toHaveLength((13 * 12) / 2)
    expect(new Set(all.map((pair) => pair.join(' '))).size).toBe(all.length)
    expect(countPairs(hosts, hosts)).toBe(all.length)
    expect(countPairs(hosts, ['docker3'])).toBe(choosePairs(hosts, ['docker3'], true).length)
  })

  it('has every host in some pair when it may not take all', () => {
    const hosts = names(16)
    const some = choosePairs(hosts, hosts, false)
    expect(some).toHaveLength(MOST_PAIRS_UNASKED)
    expect(new Set(some.flat())).toEqual(new Set(hosts))
  })
})

describe('screen', () => {
  const findings: DoctorFinding[] = [
    { check: 'path-mtu', severity: 'error', hosts: ['a', 'b'], measured: '1400 bytes', why: 'lost', remedy: 'mend it' },
    { check: 'services', severity: 'warn', hosts: [], measured: 'old \u001b[2J NATS', why: 'holes', remedy: 'upgrade' },
    { check: 'clock', severity: 'ok', hosts: ['a'], measured: '1 ms', why: 'not shown' },
  ]

  it('shows what is ill last, with why and what mends it, and no control characters', () => {
    expect(findingsScreen(worstLast(findings), (_, text) => text)).toBe(
      `RESULT   CHECK      ON        MEASURED
ok       clock      a         1 ms
warn     services   cluster   old \\x1b[2J NATS
          why: holes
          mend: upgrade
error    path-mtu   a - b     1400 bytes
          why: lost
          mend: mend it
`,
    )
  })

  it('paints the result alone', () => {
    const paint = (colour: string, text: string) => `<${colour}>${text}</>`
    expect(findingsScreen(worstLast(findings), paint)).toContain('<red>error</>    path-mtu ')
  })

  it('counts', () => {
    expect(tally(findings)).toBe('1 error, 1 warning, 1 ok, 0 skipped')
    expect(tally([])).toBe('0 errors, 0 warnings, 0 ok, 0 skipped')
  })
})
