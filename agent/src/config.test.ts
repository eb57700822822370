import { describe, expect, it } from 'vitest'
import { helpText, readConfig } from './config.ts'

const LEAST = [
  '--id',
  'docker1',
  '--controller',
  'http://10.0.0.1:7474/',
  '--nats',
  'nats://10.0.0.1:4222',
  '--underlay',
  'eth0',
]

describe('flags of the agent', () => {
  it('has defaults for all but four', () => {
    expect(readConfig(LEAST)).toEqual({
      kind: 'run',
      id: 'docker1',
      controllers: ['http://10.0.0.1:7474'],
      nats: ['nats://10.0.0.1:4222'],
      secretFile: '/var/lib/weft/secret',
      data: '/var/lib/weft',
      underlay: 'eth0',
      vtep: undefined,
      runDir: '/run/weft',
      dockerSocket: '/run/docker.sock',
      pluginSocket: '/run/docker/plugins/weft.sock',
      logLevel: 'info',
    })
  })

  it('finds the secret in the data folder', () => {
    expect(readConfig([...LEAST, '--data', '/srv/weft'])).toMatchObject({ secretFile: '/srv/weft/secret' })
  })

  it.each([
    [['--id'], /id/],
    [['--idd', 'x'], /did you mean --id/],
    [[...LEAST, 'stray'], /stray/],
    [[...LEAST, '--vtep', '10.1'], /10\.1/],
    [[...LEAST, '--vtep', '010.0.0.1'], /010\.0\.0\.1/],
    [[...LEAST, '--underlay', '--help-me-please-now'], /underlay|--help-me/],
    [[...LEAST, '--log-level', 'loud'], /loud/],
    [['--id', 'Docker_1', ...LEAST.slice(2)], /Docker_1/],
    [['--id', 'docker1', '--controller', 'ftp://x', ...LEAST.slice(4)], /ftp/],
  ])('refuses %j', (argv, words) => {
    expect(() => readConfig(argv)).toThrow(words)
  })

  it.each(['id', 'controller', 'nats', 'underlay'])('says that --%s is missing and what it is', (name) => {
    const at = LEAST.indexOf(`--${name}`)
    expect(() => readConfig(LEAST.toSpliced(at, 2))).toThrow(new RegExp(`--${name}.*give --${name}`))
  })

  it('begins its help with examples', () => {
    expect(helpText()).toMatch(/^Examples:\n {2}weft agent --id/)
    expect(readConfig(['--help'])).toEqual({ kind: 'help' })
  })
})
