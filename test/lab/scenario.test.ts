/** The scenario of `npm start -- --once` (issue point 9), one test a check, in order. */
import { describe, it } from 'vitest'
import { SCENARIO } from '../../cli/src/lab/scenario/index.ts'
import { useLab } from '../support/lab.ts'

describe('the main story', () => {
  const lab = useLab('story')
  for (const check of SCENARIO) {
    it(check.name, async () => {
      console.log(`${check.name}: ${await check.run(lab())}`)
    })
  }
})
