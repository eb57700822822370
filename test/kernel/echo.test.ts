import { describe, expect, it } from 'vitest'
import { whoAnswers } from '../../agent/src/kernel/index.ts'

describe('who answers an echo', () => {
  it('this machine does, and nobody at an address for documentation (RFC 5737)', async () => {
    expect(await whoAnswers(['127.0.0.1', '192.0.2.55'], 400)).toEqual(['127.0.0.1'])
    expect(await whoAnswers(['192.0.2.55', '2001:db8::55'], 100)).toEqual([])
  })
})
