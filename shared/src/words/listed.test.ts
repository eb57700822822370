import { expect, it } from 'vitest'
import { listed } from './listed.ts'

it('names so many, and says how many more there are', () => {
  expect([listed([], 2), listed(['a', 'b'], 2), listed(['a', 'b', 'c'], 2)]).toEqual(['', 'a, b', 'a, b and 1 more'])
})
