import { describe, expect, it } from 'vitest'
import { CarrierWatch, type Round, type Verdict } from './carrier-watch.ts'

const ALIVE: Round = { agent: true, heard: [true], leased: true }
const AGENT_DEAD: Round = { agent: false, heard: [true, false], leased: true }
const SILENT: Round = { agent: false, heard: [false, false], leased: true }
const NOBODY_ASKED: Round = { agent: false, heard: [], leased: true }

/** Rounds half a second apart, from 0 on. */
function verdicts(...rounds: readonly Round[]): Verdict[] {
  const watch = new CarrierWatch()
  return rounds.map((round, at) => watch.note('h1', round, at * 500))
}

describe('carriers', () => {
  it('are dead when neither agent nor kernel gave a sign for a while, by others’ word', () => {
    expect(verdicts(ALIVE, SILENT, SILENT, SILENT)).toEqual(['alive', 'alive', 'dead', 'dead'])
  })

  it('are mute, and no more than that, while their kernel answers any host, however long their agent is dead', () => {
    expect(verdicts(ALIVE, ...Array<Round>(20).fill(AGENT_DEAD))).not.toContain('dead')
    expect(verdicts(ALIVE, AGENT_DEAD, AGENT_DEAD)).toEqual(['alive', 'alive', 'mute'])
  })

  it('are not judged by a control plane that reaches nobody', () => {
    expect(new Set(verdicts(ALIVE, ...Array<Round>(20).fill(NOBODY_ASKED)))).toEqual(new Set(['alive']))
    expect(verdicts(ALIVE, SILENT, NOBODY_ASKED, SILENT)).toEqual(['alive', 'alive', 'alive', 'dead'])
  })

  it('begin anew with every sign of life', () => {
    expect(new Set(verdicts(ALIVE, SILENT, ALIVE, SILENT, ALIVE, SILENT))).toEqual(new Set(['alive']))
  })

  it('that no other host ever heard are dead only without a lease', () => {
    const deaf = { ...ALIVE, heard: [false] }
    expect(verdicts(deaf, SILENT, SILENT, SILENT)).not.toContain('dead')
    expect(verdicts(deaf, SILENT, SILENT, { ...SILENT, leased: false })).toEqual(['alive', 'alive', 'mute', 'dead'])
  })

  it('are forgotten when they carry nothing', () => {
    const watch = new CarrierWatch()
    watch.note('h1', ALIVE, 0)
    watch.keep(new Set())
    expect(watch.note('h1', SILENT, 10_000)).toBe('alive')
    expect(watch.note('h1', SILENT, 12_000)).toBe('mute')
  })
})
