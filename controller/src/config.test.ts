import { describe, expect, it } from 'vitest'
import { parseDuration, readConfig } from './config.ts'
import { helpText } from './config-flags.ts'
import { readEtcdTls } from './etcd-tls.ts'
import { parseHostPort } from './host-port.ts'

const noFile = (file: string): string => {
  throw Object.assign(new Error(`ENOENT: ${file}`), { code: 'ENOENT' })
}
const read = (argv: string[], env: Record<string, string> = {}, file?: string) =>
  readConfig(argv, env, file === undefined ? noFile : () => file)
const why = (argv: string[], env: Record<string, string> = {}, file?: string): string => {
  try {
    read(argv, env, file)
  } catch (error) {
    return String(error)
  }
  return 'no error'
}

describe('configuration', () => {
  it('needs one flag on one machine', () => {
    expect(read(['--embedded'])).toMatchObject({
      kind: 'run',
      embedded: { etcd: true, nats: true },
      data: '/var/lib/weft',
      secretFile: '/var/lib/weft/secret',
      listen: { host: '127.0.0.1', port: 7474 },
      socket: '/run/weft/controller.sock',
      quarantineMs: 10_000,
      logLevel: 'info',
    })
  })

  it('takes clusters of the user instead, each by itself', () => {
    const both = ['--etcd', 'http://a:2379', '--etcd', 'http://b:2379', '--nats', 'nats://c:4222']
    expect(read(both)).toMatchObject({
      embedded: { etcd: false, nats: false },
      etcd: ['http://a:2379', 'http://b:2379'],
    })
    expect(read(['--embedded', '--etcd', 'http://a:2379'])).toMatchObject({ embedded: { etcd: false, nats: true } })
    expect(why(['--nats', 'nats://c:4222'])).toContain('no server named: etcd')
    expect(why([])).toContain('--embedded')
  })

  it('speaks TLS to etcd with all three files and https, or not at all', () => {
    const files = ['--etcd-ca', '/ca.pem', '--etcd-cert', '/c.pem', '--etcd-key', '/c.key']
    const secure = ['--embedded', '--etcd', 'https://etcd1:2379']
    expect(read([...secure, ...files])).toMatchObject({ etcdTls: { ca: '/ca.pem', cert: '/c.pem', key: '/c.key' } })
    expect(read([...secure, ...files, '--etcd-server-name', 'e'])).toMatchObject({ etcdTls: { serverName: 'e' } })
    expect(read(['--embedded'])).toMatchObject({ etcdTls: undefined })
    expect(why(secure)).toMatch(/https:\/\/etcd1:2379.*no --etcd-ca, --etcd-cert, --etcd-key/)
    expect(why([...secure, ...files.slice(0, 4)])).toContain('no --etcd-key')
    expect(why([...secure, ...files, '--etcd', 'http://etcd2:2379'])).toContain('http://etcd2:2379')
    expect(why(['--embedded', ...files])).toContain('embedded etcd needs no TLS')
    const absent = read([...secure, ...files])
    if (absent.kind !== 'run' || absent.etcdTls === undefined) throw new Error('no TLS')
    const { etcdTls } = absent
    expect(() => readEtcdTls(etcdTls, noFile)).toThrow(/--etcd-ca not read: \/ca\.pem.*ENOENT/)
    expect(readEtcdTls(etcdTls, (file) => `text of ${file}`)).toMatchObject({ key: 'text of /c.key' })
  })

  it('listens beyond loopback with TLS, or when told that it need not', () => {
    const open = ['--embedded', '--listen', '192.0.2.10:7474', '--nats-listen', '192.0.2.10:4222']
    const files = ['--tls-cert', '/c.pem', '--tls-key', '/k.pem']
    expect(read([...open, ...files])).toMatchObject({ listenTls: { cert: '/c.pem', key: '/k.pem' } })
    expect(read([...open, '--insecure'])).toMatchObject({ listenTls: undefined })
    expect(why(open)).toMatch(/listening without TLS: 192\.0\.2\.10:7474.*clear.*weft controller init/)
    expect(why(['--embedded', '--nats-listen', '0.0.0.0:4222'])).toContain('0.0.0.0:4222')
    expect(why(['--embedded', '--listen', '[::]:7474'])).toContain('[::]:7474')
    expect(why([...open, ...files.slice(0, 2)])).toContain('--tls-cert without --tls-key')
    expect(why([...open, ...files.slice(2)])).toContain('--tls-key without --tls-cert')
    expect(read(['--embedded', '--listen', '[::1]:7474'])).toMatchObject({ listenTls: undefined })
    // Where NATS listens is the business of who runs it.
    const own = ['--embedded', '--nats', 'tls://nats1:4222', '--ca', '/ca.pem', '--nats-listen', '192.0.2.10:4222']
    expect(read(own)).toMatchObject({ listenTls: undefined, caFile: '/ca.pem' })
  })

  it('reads the usual file when it is there, as strictly as one that is named', () => {
    const usual = (text: string) =>
      readConfig([], {}, (file) => (file === '/etc/weft/controller.json' ? text : noFile(file)))
    expect(usual('{"embedded": true, "data": "/srv"}')).toMatchObject({ data: '/srv' })
    expect(() => usual('{"emmbedded": true}')).toThrow('did you mean embedded?')
    const closed = () => {
      throw Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES' })
    }
    expect(() => readConfig(['--embedded'], {}, closed)).toThrow(/not read: \/etc\/weft\/controller\.json.*EACCES/)
  })

  it('lets flags win over the environment, and the environment over the file', () => {
    const file = '{"embedded": true, "log-level": "debug", "data": "/file", "quarantine": "1m"}'
    const env = { WEFT_DATA: '/env', WEFT_LOG_LEVEL: 'warn', WEFT_CONFIG: '/etc/weft.json' }
    const config = read(['--log-level', 'error'], env, file)
    expect(config).toMatchObject({ data: '/env', logLevel: 'error', quarantineMs: 60_000 })
    expect(read([], { WEFT_ETCD: 'http://a:1,http://b:2', WEFT_NATS: 'nats://c:3' })).toMatchObject({
      etcd: ['http://a:1', 'http://b:2'],
    })
  })

  it.each([
    [['--embeded'], 'did you mean --embedded?'],
    [['--nats-listn=1.2.3.4:5'], 'did you mean --nats-listen?'],
    [['--qqq'], 'there are --embedded'],
    [['run'], 'unexpected argument: run'],
    [['--embedded', '--data'], 'bad flags'],
    [['--embedded', '--data', '--listen'], 'bad flags'],
    [['--embedded', '--listen', '7474'], 'HOST:PORT is wanted'],
    [['--embedded', '--listen', '1.2.3.4:99999'], 'HOST:PORT is wanted'],
    [['--embedded', '--quarantine', '10'], 'give for instance 500ms, 10s or 2m'],
    [['--embedded', '--log-level', 'loud'], 'log-level "loud"'],
    [['--etcd', 'a:2379', '--nats', 'nats://b:1'], 'etcd.0 "a:2379"'],
    [['--embedded', '--config', '/nowhere'], 'configuration file not read: /nowhere'],
  ])('%j is refused: %s', (argv, text) => {
    expect(why(argv)).toContain(text)
  })

  it('refuses unknown keys, wrong types and prototype keys in the file', () => {
    const argv = ['--config', '/f']
    expect(why(argv, {}, '{"emmbedded": true}')).toContain('did you mean embedded?')
    expect(why(argv, {}, '{"embedded": "yes"}')).toContain('embedded "yes"')
    expect(why(argv, {}, '{"__proto__": {}}')).toContain('__proto__')
    expect(why(argv, {}, '[1]')).toContain('configuration file /f')
    expect(why([], { WEFT_EMBEDDED: 'yes' })).toContain('WEFT_EMBEDDED=yes')
  })

  it('begins its help with examples', () => {
    expect(read(['--help', '--embedded'])).toEqual({ kind: 'help' })
    expect(read(['--version'])).toEqual({ kind: 'version' })
    expect(helpText().startsWith('Examples:\n  weft controller --embedded')).toBe(true)
  })
})

describe('durations and addresses', () => {
  it.each([
    ['0s', 0],
    ['500ms', 500],
    ['10s', 10_000],
    ['2m', 120_000],
    ['1h', 3_600_000],
  ])('%s', (text, ms) => {
    expect(parseDuration(text)).toBe(ms)
  })

  it('reads IPv4, IPv6 and names with a port', () => {
    expect(parseHostPort('10.0.0.1:80')).toEqual({ host: '10.0.0.1', port: 80 })
    expect(parseHostPort('[fd00::1]:80')).toEqual({ host: 'fd00::1', port: 80 })
    expect(parseHostPort('controller:0')).toEqual({ host: 'controller', port: 0 })
    for (const bad of ['fd00::1:80', ':80', 'a:', 'a b:1', '']) expect(() => parseHostPort(bad)).toThrow('HOST:PORT')
  })
})
