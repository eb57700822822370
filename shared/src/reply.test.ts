import { expect, it } from 'vitest'
import { z } from 'zod'
import { WeftError } from './errors.ts'
import { errorReply, okReply, readReply } from './reply.ts'

const Pong = z.strictObject({ pong: z.number() })

function thrownBy(run: () => unknown): WeftError {
  try {
    run()
  } catch (thrown) {
    return WeftError.from(thrown)
  }
  throw new Error('nothing was thrown')
}

it('brings back the value', () => {
  expect(readReply(Pong, okReply({ pong: 1 }), 'reply to ping')).toEqual({ pong: 1 })
})

it('brings back the error with all its parts, and without its cause', () => {
  const sent = new WeftError('conflict', {
    what: 'held',
    on: '10.0.0.1',
    why: 'by web',
    remedy: 'wait',
    cause: 'secret',
  })
  const text = errorReply(sent)
  expect(text).not.toContain('secret')
  const error = thrownBy(() => readReply(Pong, text, 'reply to ping'))
  expect([error.code, error.message]).toEqual(['conflict', sent.message])
})

it('takes a code of a newer version for internal', () => {
  expect(thrownBy(() => readReply(Pong, '{"error":{"code":"teapot","what":"no"}}', 'x')).code).toBe('internal')
})

it.each([
  '',
  '{}',
  '{"ok":{"pong":"1"}}',
  '{"ok":{"pong":1,"more":2}}',
  '{"ok":1,"error":{}}',
  '{"error":{"code":"invalid"}}',
])('refuses %s', (text) => {
  expect(thrownBy(() => readReply(Pong, text, 'reply to ping')).code).toBe('invalid')
})
