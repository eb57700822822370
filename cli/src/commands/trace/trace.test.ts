import { WeftError } from '@weft/shared'
import { describe, expect, it } from 'vitest'
import { traceCall } from './run.ts'

describe('weft trace', () => {
  it('takes containers of any host, of one host, and addresses', () => {
    expect(traceCall('web', 'docker2/db', undefined)).toEqual({
      from: { container: 'web' },
      to: { host: 'docker2', container: 'db' },
    })
    expect(traceCall('docker1/web', 'FD00::3', '5432')).toEqual({
      from: { host: 'docker1', container: 'web' },
      to: { address: 'fd00::3' },
      port: 5432,
    })
  })

  it.each<[string, string, string | undefined, string]>([
    ['10.0.0.2', 'a/b/c', undefined, 'docker1/web'],
    ['web', '-db', undefined, 'docker ps'],
    ['web', 'db', '0', '--port'],
    ['web', 'db', '65536', '--port'],
    ['web', 'db', 'http', '--port'],
    ['web', 'db', '80.5', '--port'],
    ['web', 'db', '', '--port'],
  ])('refuses %s %s %s', (from, to, port, words) => {
    try {
      traceCall(from, to, port)
    } catch (thrown) {
      const { code, message } = WeftError.from(thrown)
      expect(code).toBe('invalid')
      expect(message).toContain(words)
      return
    }
    throw new Error('nothing was refused')
  })
})
