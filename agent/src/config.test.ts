import { describe, expect, it } from 'vitest'
import { helpText, readConfig as readWith } from './config.ts'

const noFile = (file: string): string => {
  throw Object.assign(new Error(`ENOENT: ${file}`), { code: 'ENOENT' })
}
const readConfig = (argv: string[]) => readWith(argv, noFile)

const LEAST = [
  '--id',
  'docker1',
  '--controller',
  'https://10.0.0.1:7474/',
  '--nats',
  'tls://10.0.0.1:4222',
  '--underlay',
  'eth0',
]

describe('flags of the agent', () => {
  it('has defaults for all but four', () => {
    expect(readConfig(LEAST)).toEqual({
      kind: 'run',
      id: 'docker1',
      controllers: ['https://10.0.0.1:7474'],
      nats: ['tls://10.0.0.1:4222'],
      secretFile: '/var/lib/weft/secret',
      caFile: undefined,
      data: '/var/lib/weft',
      underlay: 'eth0',
      vtep: undefined,
      runDir: '/run/weft',
      dockerSocket: '/run/docker.sock',
      pluginSocket: '/run/docker/plugins/weft.sock',
      fabric: 'make',
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
    [[...LEAST, '--fabric', 'maybe'], /maybe/],
    [['--id', 'Docker_1', ...LEAST.slice(2)], /Docker_1/],
    [['--id', 'docker1', '--controller', 'ftp://x', ...LEAST.slice(4)], /ftp/],
  ])('refuses %j', (argv, words) => {
    expect(() => readConfig(argv)).toThrow(words)
  })

  it.each(['id', 'controller', 'nats', 'underlay'])('says that --%s is missing and what it is', (name) => {
    const at = LEAST.indexOf(`--${name}`)
    expect(() => readConfig(LEAST.toSpliced(at, 2))).toThrow(new RegExp(`--${name}.*give --${name}`))
  })

  it.each([
    ['--controller', 'http://10.0.0.1:7474'],
    ['--nats', 'nats://10.0.0.1:4222'],
    ['--nats', 'nats://[fd00::1]:4222'],
  ])('speaks clear text beyond loopback only when told: %s %s', (flag, url) => {
    expect(() => readConfig([...LEAST, flag, url])).toThrow(/server without TLS.*clear.*weft join/)
    expect(readConfig([...LEAST, flag, url, '--insecure'])).toMatchObject({ id: 'docker1' })
    expect(readConfig([...LEAST, flag, url.replace(/\/\/.*:/, '//127.0.0.1:')])).toMatchObject({ id: 'docker1' })
  })

  it('reads the usual file when it is there, with flags before it, as strictly as flags', () => {
    const file = (more: object) => (name: string) =>
      name === '/etc/weft/agent.json'
        ? JSON.stringify({
            ...{ id: 'docker1', controller: ['https://10.0.0.1:7474'], nats: ['tls://10.0.0.1:4222'] },
            ...{ underlay: 'eth0', ca: '/etc/weft/ca.crt', ...more },
          })
        : noFile(name)
    expect(readWith([], file({}))).toMatchObject({ id: 'docker1', caFile: '/etc/weft/ca.crt', underlay: 'eth0' })
    expect(readWith(['--underlay', 'eth9'], file({}))).toMatchObject({ id: 'docker1', underlay: 'eth9' })
    expect(() => readWith([], file({ underlai: 'eth0' }))).toThrow('did you mean underlay?')
    expect(() => readWith([], file({ vtep: '10.1' }))).toThrow('10.1')
    expect(() => readWith([], file({ controller: 'https://10.0.0.1' }))).toThrow('controller')
    expect(() => readWith([], () => '{"__proto__": {}}')).toThrow('__proto__')
    expect(() => readWith(['--config', '/elsewhere'], file({}))).toThrow(/not read: \/elsewhere/)
  })

  it('begins its help with examples', () => {
    expect(helpText()).toMatch(/^Examples:\n {2}weft agent\n/)
    expect(readConfig(['--help'])).toEqual({ kind: 'help' })
  })
})
