import { describe, expect, it } from 'vitest'
import { nextSteps } from './next-steps.ts'

describe('nextSteps', () => {
  it('names the hosts that there are', () => {
    const text = nextSteps({ lab: 'default', hosts: ['docker1', 'docker2'], detached: false })
    expect(text).toContain('npx weft lab exec docker1 -- docker run -d')
    expect(text).toContain('npx weft lab exec docker2 -- docker run --rm')
    expect(text).toContain('Ctrl-C')
  })

  it('says how to reach and end a lab of another name, with one host', () => {
    const text = nextSteps({ lab: 'try', hosts: ['docker1'], detached: true })
    expect(text).toContain('WEFT_LAB=try npx weft status')
    expect(text).toContain('weft lab down --name try')
    expect(text).not.toContain('docker2')
  })
})
