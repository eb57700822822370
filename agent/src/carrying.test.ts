import { type Entry, toEntryMap } from '@weft/shared'
import { describe, expect, it } from 'vitest'
import { uidOf } from '../../test/support/builders.ts'
import { Carrying } from './carrying.ts'

const peer: Entry = { kind: 'peer', host: 'h2', vtep: '192.0.2.2' }
const router = (host: string): Entry => ({
  kind: 'router',
  uid: uidOf('r'),
  name: 'r1',
  host,
  generation: 1,
  networks: [],
})

function stage(entries: readonly Entry[] = [peer, router('h1')]) {
  const world = { now: 0, peersAnswer: true, modes: [] as string[], echoes: 0, entries: toEntryMap(entries) }
  const carrying: Carrying = new Carrying({
    host: 'h1',
    entries: () => world.entries,
    log: { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined } as never,
    monotonicMs: () => world.now,
    whoAnswers: async (addresses) => {
      world.echoes++
      return world.peersAnswer ? [...addresses] : []
    },
    onChange: () => world.modes.push(carrying.mode),
  })
  /** So many seconds, a round every half of one; `controller` asks before each. */
  const pass = async (seconds: number, controller = false) => {
    for (let at = 0; at < seconds * 2; at++) {
      if (controller) carrying.asked()
      await carrying.round()
      world.now += 500
    }
  }
  return { world, carrying, pass }
}

describe('carrying', () => {
  it('takes nothing up after a start but what is there, until a controller has confirmed the intent', () => {
    const { carrying, world } = stage()
    expect(carrying.mode).toBe('present')
    carrying.confirmed()
    carrying.confirmed()
    expect(world.modes).toEqual(['all'])
  })

  it('goes on without a controller while any host is heard', async () => {
    const { carrying, pass } = stage()
    carrying.confirmed()
    await pass(60)
    expect(carrying.mode).toBe('all')
  })

  it('goes on without any host while a controller asks', async () => {
    const { carrying, world, pass } = stage()
    carrying.confirmed()
    await pass(3, true)
    world.peersAnswer = false
    await pass(10, true)
    expect(carrying.mode).toBe('all')
    expect(world.echoes).toBe(1)
  })

  it('is laid down when neither is heard, and taken up again only at a controller’s word', async () => {
    const { carrying, world, pass } = stage()
    carrying.confirmed()
    await pass(3, true)
    world.peersAnswer = false
    await pass(3)
    expect(carrying.mode).toBe('none')
    world.peersAnswer = true
    await pass(1)
    expect(carrying.mode).toBe('present')
    carrying.confirmed()
    expect(carrying.mode).toBe('all')
  })

  it('stays where no other host was ever heard: silence then says nothing', async () => {
    const { carrying, world, pass } = stage()
    carrying.confirmed()
    world.peersAnswer = false
    await pass(30)
    expect(carrying.mode).toBe('all')
  })

  it('asks nobody while no router is this host’s', async () => {
    const { world, pass } = stage([peer, router('h2')])
    await pass(10)
    expect(world.echoes).toBe(0)
  })
})
