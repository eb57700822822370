/** What every way of the agent to a controller does (NATS, HTTP): one suite over both (STYLE 24). */
import { WeftError } from '@weft/shared'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Carry } from '../../agent/src/bus/controller.ts'

export interface CarrierUnderTest {
  readonly carry: Carry
  /** From now on this answers; undefined stays silent. It sees the host and the verb as they arrived. */
  serve(answer: (asked: { host: string; verb: string; text: string }) => string | undefined): void
  /** Nobody is there any more. */
  vanish(): Promise<void>
  /** Somebody is there again; resolves when a request can reach it. */
  comeBack(): Promise<void>
  close(): Promise<void>
}

/** Of the agent that asks. */
export const CARRIER_HOST = 'docker1'

const errorOf = async (work: Promise<unknown>): Promise<WeftError> =>
  await work.then(
    () => expect.unreachable('it was answered'),
    (error: unknown) => {
      if (!(error instanceof WeftError)) throw error
      return error
    },
  )

export function carrierConformance(name: string, make: () => Promise<CarrierUnderTest>): void {
  describe(`carrier: ${name}`, () => {
    let under: CarrierUnderTest
    beforeAll(async () => {
      under = await make()
    })
    afterAll(async () => await under?.close())

    it('brings host, verb and text there, and the answer back, as they are', async () => {
      const seen: unknown[] = []
      under.serve((asked) => {
        seen.push(asked)
        return '{"ok":"ünï ✓ \\u0000"}'
      })
      expect(await under.carry('claim', '{"a":"ö\\n"}', 2_000)).toBe('{"ok":"ünï ✓ \\u0000"}')
      expect(seen).toEqual([{ host: CARRIER_HOST, verb: 'claim', text: '{"a":"ö\\n"}' }])
    })

    it('carries a page of an intent', async () => {
      const page = 'x'.repeat(512 * 1024)
      under.serve(({ text }) => text + page)
      expect(await under.carry('resync', page, 5_000)).toBe(page + page)
    })

    it("an error of the controller's own is an answer, not a failure of the carrier", async () => {
      const refusal = JSON.stringify({ error: { code: 'conflict', what: 'address is in use' } })
      under.serve(() => refusal)
      expect(await under.carry('claim', '{}', 2_000)).toBe(refusal)
    })

    it('fifty at once each get their own answer', async () => {
      under.serve(({ text }) => `to ${text}`)
      const asked = Array.from({ length: 50 }, (_, index) => String(index))
      const answers = await Promise.all(asked.map((text) => under.carry('claim', text, 5_000)))
      expect(answers).toEqual(asked.map((text) => `to ${text}`))
    })

    it('silence is `deadline`, in time, and says that it may have been done', async () => {
      under.serve(() => undefined)
      const began = performance.now()
      const error = await errorOf(under.carry('claim', '{}', 300))
      expect(error).toMatchObject({ code: 'deadline', ambiguous: true, retryable: true })
      expect(performance.now() - began).toBeLessThan(2_000)
    })

    it('nobody there is a failure that may be tried again, soon, and it works when somebody is', async () => {
      await under.vanish()
      const began = performance.now()
      const error = await errorOf(under.carry('claim', '{}', 1_000))
      expect(error.retryable).toBe(true)
      expect(['unavailable', 'deadline']).toContain(error.code)
      expect(performance.now() - began).toBeLessThan(3_000)
      await under.comeBack()
      under.serve(() => 'back')
      expect(await under.carry('claim', '{}', 2_000)).toBe('back')
    })
  })
}
