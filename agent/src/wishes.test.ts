import { expect, it } from 'vitest'
import { oncePerWish } from './wishes.ts'

it('carries out a wish once, however often and early it is repeated', async () => {
  let count = 0
  const wish = oncePerWish(async ({ req }: { req: string }) => {
    await new Promise((resolve) => setTimeout(resolve, 5))
    return `${req} ${++count}`
  })
  const answers = await Promise.all([wish({ req: 'a' }), wish({ req: 'a' }), wish({ req: 'b' })])
  expect([...answers, await wish({ req: 'a' })]).toEqual(['a 1', 'a 1', 'b 2', 'a 1'])
})

it('tries anew what failed', async () => {
  let count = 0
  const wish = oncePerWish(async (_: { req: string }) => {
    if (++count === 1) throw new Error('first')
    return count
  })
  await expect(wish({ req: 'a' })).rejects.toThrow('first')
  expect(await wish({ req: 'a' })).toBe(2)
})
