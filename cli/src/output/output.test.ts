import { type HostStatus, type StatusView, WeftError } from '@weft/shared'
import { describe, expect, it } from 'vitest'
import { exitCodeOf, renderError } from './errors.ts'
import { painter } from './paint.ts'
import { progressLine } from './progress.ts'
import { headline, reasonOf, statusScreen } from './status.ts'
import { table } from './table.ts'
import { printable, type Stream } from './terminal.ts'
import { formatMs } from './time.ts'

const plain = painter({ write: () => undefined }, {})

describe('table', () => {
  const columns = [
    { title: 'NAME', value: (row: string[]) => row[0] ?? '' },
    { title: 'DRIVER', value: (row: string[]) => row[1] ?? '' },
  ]

  it('lines up as Docker does, without trailing blanks', () => {
    const text = table(columns, [
      ['a', 'overlay'],
      ['longer', ''],
    ])
    expect(text).toBe('NAME     DRIVER\na        overlay\nlonger\n')
  })

  it('has headings when there is nothing', () => {
    expect(table(columns, [])).toBe('NAME   DRIVER\n')
  })

  it('lets no value steer the terminal', () => {
    expect(table(columns, [['\u001b[2Jx', 'a\nb']])).toBe('NAME       DRIVER\n\\x1b[2Jx   a\\x0ab\n')
  })
})

describe('printable', () => {
  it('keeps letters of every script', () => {
    expect(printable('größe 網路\u0007\u009b')).toBe('größe 網路\\x07\\x9b')
  })
})

describe('painter', () => {
  const terminal: Stream = { write: () => undefined, isTTY: true }
  it.each([
    [terminal, {}, true],
    [terminal, { NO_COLOR: '' }, true],
    [terminal, { NO_COLOR: '1' }, false],
    [terminal, { TERM: 'dumb' }, false],
    [{ write: () => undefined }, {}, false],
  ])('%o %o', (stream, env, colours) => {
    expect(painter(stream, env)('red', 'x') !== 'x').toBe(colours)
  })
})

describe('renderError', () => {
  const error = new WeftError('conflict', {
    what: 'subnet overlaps',
    on: '10.0.0.0/24',
    why: 'network corp has 10.0.0.0/16\nand more',
    remedy: 'choose another',
    ambiguous: true,
  })

  it('says what and where, why, and what to do next', () => {
    expect(renderError(error, { paint: plain, debug: false })).toBe(`weft: subnet overlaps: 10.0.0.0/24 [conflict]
  why: network corp has 10.0.0.0/16
    and more
  note: no answer came: the change may have been made nevertheless
  next: choose another
`)
  })

  it('shows stack and causes when debugging', () => {
    const wrapped = new WeftError('internal', { what: 'outer', cause: new Error('inner cause') })
    expect(renderError(wrapped, { paint: plain, debug: true })).toMatch(/at .*output\.test\.ts[\s\S]*inner cause/)
  })

  it.each([
    ['invalid', 2],
    ['not_found', 3],
    ['conflict', 4],
    ['exhausted', 4],
    ['denied', 5],
    ['unavailable', 6],
    ['deadline', 6],
    ['not_converged', 7],
    ['internal', 1],
  ] as const)('%s exits %i', (code, exit) => {
    expect(exitCodeOf(new WeftError(code, { what: 'x' }))).toBe(exit)
  })

  it('counts what is not ours as a failure', () => {
    expect(exitCodeOf(new TypeError('bug'))).toBe(1)
  })
})

const position = (revision: number) => ({ incarnation: 1, revision, digest: '0'.repeat(32) })
const there = (id: string): HostStatus => ({
  id,
  alive: true,
  target: position(231),
  accepted: position(231),
  applied: 231,
  reportAgeMs: 400,
  problems: [],
  converged: true,
})
const behind = (id: string, change: Partial<HostStatus>): HostStatus => ({
  ...there(id),
  applied: 229,
  converged: false,
  ...change,
})
const status = (hosts: HostStatus[]): StatusView => ({
  cluster: 'c1',
  incarnation: 1,
  revision: 231,
  converged: hosts.every((host) => host.converged),
  hosts,
  networks: 1,
  endpoints: 2,
  warnings: [],
})
const refused = { code: 'kernel', message: 'kernel refused vxlan 4097: EEXIST', remedy: 'ip link del vxlan7' }

describe('status', () => {
  it('says in one sentence who is not there and why', () => {
    const hosts = Array.from({ length: 14 }, (_, index) => there(`docker${index + 3}`))
    hosts.push(behind('docker2', { problems: [refused] }))
    expect(headline(status(hosts))).toBe(
      '14 of 15 hosts at revision 231; docker2 is at 229: kernel refused vxlan 4097: EEXIST',
    )
  })

  it('names three and counts the rest', () => {
    const hosts = ['a', 'b', 'c', 'd', 'e'].map((id) => behind(id, {}))
    expect(headline(status(hosts))).toMatch(/^0 of 5 hosts .*; c is at 229: is applying it; and 2 more$/)
  })

  it.each<[Partial<HostStatus>, string]>([
    [{ alive: false, reportAgeMs: 180_000 }, 'silent for 3 min'],
    [{ alive: false, reportAgeMs: null }, 'never reported'],
    [{ accepted: position(229) }, 'has not received the newest intent'],
    [{}, 'is applying it'],
    [{ problems: [refused, refused] }, 'kernel refused vxlan 4097: EEXIST (and 1 more)'],
  ])('%o', (change, reason) => {
    expect(reasonOf(behind('docker1', change))).toBe(reason)
  })

  const SCREEN = { columns: 80, rows: 24 }
  const screenOf = (view: StatusView, screen = SCREEN) => statusScreen(view, plain, screen).trimEnd().split('\n')

  it('says what is wrong first, then what to do, then where the hosts are', () => {
    const hosts = [there('docker1'), behind('docker2', { problems: [refused] })]
    expect(screenOf(status(hosts))).toEqual([
      '1 of 2 hosts at revision 231',
      '1 network, 2 endpoints; cluster c1, incarnation 1',
      'docker2 at 229: kernel refused vxlan 4097: EEXIST',
      '  next: ip link del vxlan7',
      '',
      'HOST      STATE       APPLIED   TARGET   REPORTED',
      'docker2   behind      229       231      0.4 s ago',
      'docker1   converged   231       231      0.4 s ago',
    ])
  })

  it('is one screen, whatever there is', () => {
    const long = { code: 'kernel', message: 'word '.repeat(60).trim(), remedy: `mend ${'x'.repeat(200)}` }
    const worst = Array.from({ length: 1000 }, (_, index) =>
      index % 3 === 0
        ? there(`docker${index}`)
        : behind(`docker${index}`, { alive: index % 3 === 1, problems: [long, refused, refused] }),
    )
    const view = { ...status(worst), warnings: ['host docker2 is not alive', 'a record cannot be read'] }
    const lines = screenOf(view)
    expect(lines.length).toBe(23)
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(80)
    expect(lines[2]).toMatch(/^docker1 at 229: word word/)
    expect(lines.join('\n')).toMatch(/and \d+ more that are not well/)
    expect(lines.at(-1)).toMatch(/^and \d+ more hosts$/)
  })

  it('tells each remedy and each silent host once', () => {
    const hosts = [
      behind('a', { problems: [refused] }),
      behind('b', { problems: [refused] }),
      behind('c', { alive: false }),
    ]
    const view = { ...status(hosts), warnings: ['host c is not alive', 'a record cannot be read'] }
    const text = screenOf(view).join('\n')
    expect(text.match(/next:/g)).toHaveLength(1)
    expect(text).not.toContain('not alive')
    expect(text).toContain('warning: a record cannot be read')
    expect(text.indexOf('c: silent')).toBeGreaterThan(text.indexOf('b at 229'))
  })
})

describe('formatMs and progressLine', () => {
  it.each([
    [400, '0.4 s'],
    [59_000, '59 s'],
    [600_000, '10 min'],
    [10_800_000, '3 h'],
    [259_200_000, '3 d'],
  ])('%i ms is %s', (ms, text) => {
    expect(formatMs(ms)).toBe(text)
  })

  it('puts the time first', () => {
    expect(progressLine({ step: 'docker1: Docker serves', elapsedMs: 3210 })).toBe('[  3.2s] docker1: Docker serves')
  })
})
