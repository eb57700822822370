import { WeftError } from '@weft/shared'
import { describe, expect, it } from 'vitest'
import { targetOf } from '../attach/attach.ts'
import { type ConnectFlags, connectRequest } from './connect.ts'

const request = (container: string, flags: Partial<ConnectFlags> = {}) =>
  connectRequest('mynet', container, { alias: [], driverOpt: [], ...flags }, 'request-1')

function refusal(run: () => unknown): string {
  try {
    run()
  } catch (thrown) {
    const { code, message } = WeftError.from(thrown)
    expect(code).toBe('invalid')
    return message
  }
  throw new Error('nothing was refused')
}

describe('weft network connect', () => {
  it('takes a container of any host, or of the one that is named', () => {
    expect(request('web').body).toMatchObject({ container: 'web' })
    expect(request('web').body).not.toHaveProperty('host')
    expect(request('docker2/web_1').body).toMatchObject({ container: 'web_1', host: 'docker2' })
  })

  it('hands on what Docker’s flags say', () => {
    const flags = { ip: '10.1.0.7', ip6: 'FD00::7', alias: ['db'], gwPriority: '-3', driverOpt: ['weft.ifname=lan0'] }
    expect(request('web', flags)).toEqual({
      params: { ref: 'mynet' },
      body: {
        req: 'request-1',
        container: 'web',
        ip: '10.1.0.7',
        ip6: 'fd00::7',
        aliases: ['db'],
        mac: undefined,
        gwPriority: -3,
        ifname: undefined,
        driverOpts: { 'weft.ifname': 'lan0' },
      },
    })
  })

  it.each<[string, () => unknown, string]>([
    ['two slashes', () => request('a/b/c'), 'HOST'],
    ['no container', () => request('docker1/'), 'container'],
    ['a host that no host can be called', () => request('Docker 1/web'), 'Docker 1'],
    ['a priority that is no number', () => request('web', { gwPriority: 'high' }), '--gw-priority 10'],
    ['an address that is none', () => request('web', { ip: '10.1.0' }), '10.1.0'],
    ['an option without a value', () => request('web', { driverOpt: ['weft.ifname'] }), '--driver-opt'],
  ])('refuses %s', (_, run, words) => {
    expect(refusal(run)).toContain(words)
  })
})

describe('what weft attach names', () => {
  it('is one of three', () => {
    expect(targetOf({ pid: '42' })).toEqual({ pid: 42 })
    expect(targetOf({ netns: 'blue' })).toEqual({ netns: 'blue' })
    expect(targetOf({ container: 'quiet' })).toEqual({ container: 'quiet' })
  })

  it.each<[Parameters<typeof targetOf>[0], string]>([
    [{}, 'no flag'],
    [{ pid: '1', container: 'quiet' }, '--pid and --container'],
    [{ pid: '0' }, '--pid'],
    [{ pid: 'init' }, 'init'],
  ])('and not %o', (flags, words) => {
    expect(refusal(() => targetOf(flags))).toContain(words)
  })
})
