/** What every bus does, the real one and the model: one suite, any number of implementations (STYLE 24). */
import { setTimeout as sleep } from 'node:timers/promises'
import { WeftError } from '@weft/shared'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Bus, type BusCounts, MAX_PAYLOAD } from '../../controller/src/bus/bus.ts'

export interface BusUnderTest {
  connect(): Promise<Bus & { readonly counts: BusCounts }>
  /** Resolves when what this bus subscribed is known to all. */
  settled(bus: Bus): Promise<void>
  close(): Promise<void>
}

const codeOf = async (work: () => unknown): Promise<string> => {
  try {
    await work()
  } catch (error) {
    return error instanceof WeftError ? error.code : String(error)
  }
  return 'no error'
}

export function busConformance(name: string, make: () => Promise<BusUnderTest>): void {
  describe(`bus: ${name}`, () => {
    let under: BusUnderTest
    let a: Bus & { readonly counts: BusCounts }
    let b: Bus & { readonly counts: BusCounts }
    beforeAll(async () => {
      under = await make()
      a = await under.connect()
      b = await under.connect()
    })
    afterAll(async () => {
      await a?.close()
      await b?.close()
      await under?.close()
    })

    /** Hears a subject on `bus` into a list. */
    const hear = (bus: Bus, subject: string, queue?: string) => {
      const heard: string[] = []
      const stop = bus.serve(
        subject,
        (message) => {
          heard.push(`${message.subject} ${message.text}`)
          return undefined
        },
        queue === undefined ? {} : { queue },
      )
      return { heard, stop }
    }

    it('carries messages to every plain listener, in the order of the sender', async () => {
      const [one, two] = [hear(a, 't.order'), hear(b, 't.order')]
      await Promise.all([under.settled(a), under.settled(b)])
      const texts = Array.from({ length: 50 }, (_, index) => `t.order ${index}`)
      for (let index = 0; index < 50; index++) b.publish('t.order', String(index))
      await expect.poll(() => one.heard).toEqual(texts)
      await expect.poll(() => two.heard).toEqual(texts)
      one.stop()
      two.stop()
    })

    it('matches * with one token and > with the rest', async () => {
      const star = hear(a, 't.wild.*.x')
      const rest = hear(a, 't.wild.>')
      await under.settled(a)
      for (const subject of ['t.wild.1.x', 't.wild.1.y', 't.wild.1.2.x', 't.wild', 't.other.1.x'])
        b.publish(subject, '')
      await expect.poll(() => rest.heard).toEqual(['t.wild.1.x ', 't.wild.1.y ', 't.wild.1.2.x '])
      expect(star.heard).toEqual(['t.wild.1.x '])
      star.stop()
      rest.stop()
    })

    it('gives each message to one of a queue, and to all that listen beside it', async () => {
      const [one, two, beside] = [hear(a, 't.q', 'group'), hear(b, 't.q', 'group'), hear(b, 't.q')]
      await Promise.all([under.settled(a), under.settled(b)])
      for (let index = 0; index < 100; index++) a.publish('t.q', String(index))
      await expect.poll(() => beside.heard.length).toBe(100)
      await expect.poll(() => one.heard.length + two.heard.length).toBe(100)
      expect(one.heard.length).toBeGreaterThan(0)
      expect(two.heard.length).toBeGreaterThan(0)
      for (const { stop } of [one, two, beside]) stop()
    })

    it('brings an answer back to the one who asked', async () => {
      const stop = a.serve('t.echo', async ({ text }) => `<${text}>`, { queue: 'group' })
      await under.settled(a)
      const texts = ['', 'plain', 'ünïcödé ☃ 🧵', 'x'.repeat(200_000)]
      expect(await Promise.all(texts.map((text) => b.request('t.echo', text, 5_000)))).toEqual(
        texts.map((t) => `<${t}>`),
      )
      stop()
    })

    it('says at once that nobody serves, and after its time that nobody answered', async () => {
      expect(await codeOf(() => a.request('t.nobody', '', 5_000))).toBe('unavailable')
      const stop = b.serve('t.silent', () => undefined)
      await under.settled(b)
      expect(await codeOf(() => a.request('t.silent', '', 50))).toBe('deadline')
      stop()
    })

    it('answers an error for a handler that throws, counts it and goes on', async () => {
      const before = a.counts.failures
      const stop = a.serve('t.throws', async ({ text }) => {
        if (text === 'ours') throw new WeftError('conflict', { what: 'taken', on: 'x' })
        if (text === 'foreign') throw new TypeError('oops')
        return 'fine'
      })
      await under.settled(a)
      expect(JSON.parse(await b.request('t.throws', 'ours', 5_000)).error).toMatchObject({ code: 'conflict', on: 'x' })
      expect(JSON.parse(await b.request('t.throws', 'foreign', 5_000)).error).toMatchObject({ code: 'internal' })
      expect(await b.request('t.throws', '', 5_000)).toBe('fine')
      expect(a.counts.failures).toBe(before + 2)
      stop()
    })

    it('carries nothing more to one who stopped', async () => {
      const { heard, stop } = hear(a, 't.stop')
      const other = hear(b, 't.stop')
      await Promise.all([under.settled(a), under.settled(b)])
      stop()
      stop()
      await under.settled(a)
      b.publish('t.stop', 'late')
      await expect.poll(() => other.heard.length).toBe(1)
      await sleep(20)
      expect(heard).toEqual([])
      other.stop()
    })

    it.each([['', 'a b', 'a..b', '.a', 'a.', 'a.*', 'a.>', 'a\tb', 'a\r\nPUB b 0']])(
      'refuses the subjects %j',
      async (...subjects) => {
        for (const subject of subjects) expect(await codeOf(() => a.publish(subject, ''))).toBe('invalid')
        for (const subject of subjects) expect(await codeOf(() => a.request(subject, '', 100))).toBe('invalid')
        for (const subject of ['', 'a b', 'a..b', 'a.>.b'])
          expect(await codeOf(() => a.serve(subject, () => undefined))).toBe('invalid')
      },
    )

    it('carries up to its limit of bytes and refuses more', async () => {
      const { heard, stop } = hear(a, 't.long')
      await under.settled(a)
      b.publish('t.long', 'x'.repeat(MAX_PAYLOAD))
      await expect.poll(() => heard.length).toBe(1)
      expect(await codeOf(() => b.publish('t.long', 'x'.repeat(MAX_PAYLOAD + 1)))).toBe('invalid')
      expect(await codeOf(() => b.publish('t.long', '☃'.repeat(MAX_PAYLOAD / 2)))).toBe('invalid')
      stop()
    })

    it('tells that it is closed, and then carries nothing', async () => {
      const bus = await under.connect()
      await bus.close()
      expect(await bus.closed).toBeUndefined()
      expect(await codeOf(() => bus.publish('t.closed', ''))).toBe('unavailable')
      expect(await codeOf(() => bus.request('t.closed', '', 100))).toBe('unavailable')
      await bus.close()
    })
  })
}
