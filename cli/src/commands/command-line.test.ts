/** Command lines from words to requests, and those that must not become one: nothing is sent, since nobody listens. */
import { describe, expect, it } from 'vitest'
import { plainRequest } from '../../../test/support/builders.ts'
import { CreateFlags, createRequest } from './network/request.ts'
import { buildProgram, type Parsed } from './program.ts'
import { runCommandLine } from './run.ts'
import { type CommandSpec, isGroup } from './spec.ts'
import { TREE } from './tree.ts'

async function run(...argv: string[]) {
  let stdout = ''
  let stderr = ''
  const exit = await runCommandLine(argv, {
    terminal: {
      stdout: { write: (text) => (stdout += text) },
      stderr: { write: (text) => (stderr += text) },
      env: { WEFT_CONTROLLER: 'unix:/nowhere/controller.sock' },
    },
    newRequestId: () => 'request-1',
    nowMs: () => 0,
    interrupt: () => new AbortController().signal,
  })
  return { exit, stdout, stderr }
}

async function parse(...argv: string[]): Promise<Parsed> {
  let parsed: Parsed | undefined
  const act = async (each: Parsed) => {
    parsed = each
  }
  const refuse = (error: Error): never => {
    throw error
  }
  const ignore = () => undefined
  await buildProgram(TREE, { writeOut: ignore, writeErr: ignore, width: 100, act, refuse }).parseAsync(argv, {
    from: 'user',
  })
  if (parsed === undefined) throw new Error(`nothing was parsed from ${argv.join(' ')}`)
  return parsed
}

describe('network create: from words to the request', () => {
  const empty = plainRequest('mynet')
  it.each<[string, object]>([
    ['mynet', {}],
    ['-d vxlan mynet', {}],
    ['-d macvlan -o parent=eth0.100 mynet', { driver: 'macvlan', options: { parent: 'eth0.100' } }],
    ['--ipv4=false mynet', { ipv4: false }],
    ['--driver=overlay --internal --ipv6 --dry-run mynet', { internal: true, ipv6: true, dryRun: true }],
    ['mynet --subnet 10.0.0.0/24', { subnets: [{ subnet: '10.0.0.0/24' }] }],
    [
      '--subnet 10.0.0.0/24 --subnet FD00:0::/64 --gateway fd00::1 --gateway 10.0.0.1 --ip-range 10.0.0.128/25 mynet',
      {
        subnets: [
          { subnet: '10.0.0.0/24', gateway: '10.0.0.1', ipRange: '10.0.0.128/25' },
          { subnet: 'fd00::/64', gateway: 'fd00::1' },
        ],
      },
    ],
    [
      '--subnet 10.0.0.0/24 --aux-address router=10.0.0.5 --aux-address dns=10.0.0.6 mynet',
      { subnets: [{ subnet: '10.0.0.0/24' }], auxAddresses: { router: '10.0.0.5', dns: '10.0.0.6' } },
    ],
    [
      '--label team=web --label empty= --opt mtu=1400 mynet',
      { labels: { team: 'web', empty: '' }, options: { mtu: '1400' } },
    ],
    ['--controller http://10.0.0.1 mynet', {}],
  ])('%s', async (line, expected) => {
    const { given } = await parse('network', 'create', ...line.split(' '))
    const request = createRequest(given.args[0] ?? '', CreateFlags.parse(given.options), 'request-1')
    expect(request).toEqual({ ...empty, ...expected })
  })
})

describe('flags that say where the controller is', () => {
  it.each([
    ['--controller', 'http://a', 'network', 'ls'],
    ['network', 'ls', '--controller', 'http://a'],
    ['--controller', 'http://b', 'network', 'ls', '--controller', 'http://a'],
  ])('%s %s %s %s', async (...argv) => {
    const { connection, given } = await parse(...argv)
    expect(connection.controller).toBe('http://a')
    expect(given.options).not.toHaveProperty('controller')
  })
})

describe('words that belong to another program', () => {
  it.each([
    ['lab exec docker1 -- docker ps -a', ['docker1', '--', 'docker', 'ps', '-a']],
    ['lab exec docker1 docker ps --format json', ['docker1', 'docker', 'ps', '--format', 'json']],
    ['lab exec --name bench docker1 -- sh -c --name', ['docker1', '--', 'sh', '-c', '--name']],
  ])('%s', async (line, args) => {
    expect((await parse(...line.split(' '))).given.args).toEqual(args)
  })
})

/** Bad input that the command line sees itself: exit code 2, the value, the rule, what to do; stdout stays empty. */
describe('refuses', () => {
  const create = (...words: string[]) => ['network', 'create', ...words]
  const over63 = 'a'.repeat(64)
  it.each<[string[], ...string[]]>([
    [create('--subnet', '10.0.0.5/24', 'x'), '10.0.0.5/24', 'host bits', 'write 10.0.0.0/24'],
    [create('--subnet', '010.0.0.0/24', 'x'), '010.0.0.0', 'without leading zeros', 'write it like'],
    [create('--subnet', '10.1/16', 'x'), '10.1', 'four decimal numbers', 'write it like'],
    [create('--subnet', '10.0.0.0', 'x'), '10.0.0.0', 'ADDRESS/PREFIXLENGTH', 'write it like'],
    [create('--subnet', '10.0.0.0/33', 'x'), '10.0.0.0/33', '0 to 32 bits'],
    [create('--subnet', 'fe80::%eth0/64', 'x'), 'fe80::%eth0', 'without a zone'],
    [
      create('--subnet', '10.0.0.0/24', '--gateway', '10.0.1.1', 'x'),
      '--gateway: 10.0.1.1',
      '10.0.0.0/24',
      'choose one',
    ],
    [create('--gateway', '10.0.1.1', 'x'), '10.0.1.1', 'needs the subnet', '--subnet CIDR'],
    [
      create('--subnet', '10.0.0.0/24', '--gateway', '10.0.0.1', '--gateway', '10.0.0.2', 'x'),
      '10.0.0.2',
      'has 10.0.0.1 already',
    ],
    [create('--subnet', '10.0.0.0/24', '--ip-range', '10.0.0.0/16', 'x'), '10.0.0.0/16', 'lies in none'],
    [create('--subnet', '10.0.0.0/24', '--aux-address', 'r=10.9.0.1', 'x'), 'r=10.9.0.1', 'lies in none'],
    [create('--subnet', '10.0.0.0/24', '--aux-address', '10.0.0.1', 'x'), '10.0.0.1', 'KEY=VALUE', 'write it like'],
    [create(over63), over63, '1 to 63', 'choose a name'],
    [create('a/b'), 'a/b', '1 to 63'],
    [create('..'), '..', '1 to 63'],
    [create('my net'), 'my net', '1 to 63'],
    [create('Net'), 'Net', 'a-z'],
    [create('default'), 'default', 'reserved'],
    [create('-o', 'parent=--help', '-d', 'macvlan', 'x'), '--help', 'parent'],
    [create('-o', 'parent=br', '-d', 'macvlan', 'x', '-o', 'parent=br0'), 'parent is given twice'],
    [create('-o', 'parent=eth0.0', '-d', 'macvlan', 'x'), 'eth0.0', 'VLAN'],
    [create('-o', 'parent=eth0.4095', '-d', 'macvlan', 'x'), 'eth0.4095', 'VLAN'],
    [create('-o', 'parent=abcdefghijklmnop', '-d', 'macvlan', 'x'), 'abcdefghijklmnop', '15'],
    [create('-o', 'atach=bridge', 'x'), 'atach', 'did you mean attach?'],
    [create('-o', '__proto__=1', 'x'), '__proto__', 'not allowed'],
    [create('--label', '__proto__=1', 'x'), '__proto__', 'not allowed'],
    [create('--label', '=alone', 'x'), '=alone', 'KEY=VALUE'],
    [create('-d', 'overly', 'x'), 'overly', 'did you mean overlay?'],
    [create('--subnt', '10.0.0.0/24', 'x'), '--subnt', 'Did you mean --subnet?', '--help'],
    [create(), "missing required argument 'NAME'", 'weft network create --help'],
    [create('x', 'y'), 'too many arguments', '--help'],
    [['netwrk', 'ls'], 'netwrk', 'Did you mean network?'],
    [['network', 'inspekt'], 'inspekt', 'Did you mean inspect?'],
    [['network', 'ls', '--format', '{{.Name'], '{{.Name', 'unclosed action'],
    [['network', 'inspect', '-f', 'Name', 'x'], 'Name', 'json or a Go template'],
    [['status', '--format', '{{.Name}}'], '{{.Name}}', 'table or json', 'jq'],
    [['network', 'ls', '-f', 'nam=x'], 'nam', 'name, driver, label, id, scope, dangling', 'did you mean name?'],
    [['network', 'ls', '-f', 'name'], 'name', 'KEY=VALUE'],
    [['network', 'inspect', '../hosts'], '../hosts', 'begin with a letter or digit'],
    [['network', 'rm', '..'], '..', 'begin with a letter or digit'],
    [['network', 'rm', 'a/b'], 'a/b', 'letters, digits'],
    [['endpoint', 'ls', '--network', 'x y'], 'x y', 'letters, digits'],
    [['uplink', 'set', 'storage', 'docker1'], 'docker1', 'KEY=VALUE'],
    [['uplink', 'set', 'storage', 'docker1=--help'], '--help', 'must begin with a letter or digit'],
    [['uplink', 'set', 'storage', 'docker1=abcdefghijklmnop'], 'abcdefghijklmnop', '15 bytes'],
    [['status', '--wait', '--timeout', '30'], '30', 'ms, s, m or h', '--timeout 30s'],
    [['status', '--wait', '--timeout', '11m'], '11m', '600s at most'],
    [['status', '--wait', '--revision', '-1'], '-1', 'whole number'],
    [['status', '--revision', '7'], '7', 'add --wait'],
    [['lab', 'up', '--hosts', '0'], '0', 'from 1 to 200'],
    [['lab', 'up', '--hosts', 'two'], 'two', 'whole number'],
    [['lab', 'up', '--mtu', '100'], '100', 'from 1280'],
    [['lab', 'up', '--once', '--detach'], '--once', 'leave one out'],
    [['lab', 'down', '--name', '../x'], '../x', 'lower-case letters and digits'],
    [['lab', 'exec', 'docker1', '--'], 'nothing to run', 'docker ps'],
    [['completion', 'tcsh'], 'tcsh', 'bash, zsh, fish'],
    [['--controller', 'localhost:1', 'network', 'ls'], 'localhost:1', 'http://HOST:PORT'],
    [
      ['--secret-file', '/nowhere/secret', '--controller', 'http://127.0.0.1:1', 'network', 'ls'],
      '/nowhere/secret',
      'ENOENT',
    ],
  ])('%j', async (argv, ...words) => {
    const { exit, stdout, stderr } = await run(...argv)
    for (const word of words) expect(stderr).toContain(word)
    expect({ exit, stdout }).toEqual({ exit: 2, stdout: '' })
    expect(stderr).toMatch(/^weft: .* \[invalid\]\n/)
  })
})

function walk(spec: CommandSpec, path: readonly string[]): { path: readonly string[]; spec: CommandSpec }[] {
  const below = isGroup(spec) ? spec.commands.flatMap((child) => walk(child, [...path, child.name])) : []
  return [{ path, spec }, ...below]
}

describe('help and version', () => {
  const all = walk(TREE, []).map(({ path, spec }) => ({ line: ['weft', ...path].join(' '), path, spec }))

  it.each(all.filter(({ path }) => path[0] !== 'controller' && path[0] !== 'agent'))(
    '$line --help begins with examples',
    async ({ path }) => {
      const { exit, stdout, stderr } = await run(...path, '--help')
      expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' })
      expect(stdout).toMatch(/^Examples:\n {2}\S/)
    },
  )

  it.each(all.flatMap(({ spec }) => spec.examples.map(({ line }) => line)))('its example holds: %s', async (line) => {
    const shell = line.replace(/ [|<>] .*|^source <\(|\)$/g, '').replace(/\$\(.*/, 'x')
    const words = (shell.match(/'[^']*'|\S+/g) ?? []).map((word) => word.replace(/^'(.*)'$/, '$1'))
    expect(words.shift()).toBe('weft')
    const { spec } = await parse(...words)
    expect(spec.name).toBe(words.find((word) => word === spec.name))
  })

  it('shows a group without a command its help, as an error', async () => {
    const { exit, stdout, stderr } = await run('network')
    expect({ exit, stdout }).toEqual({ exit: 2, stdout: '' })
    expect(stderr).toMatch(/^Examples:/)
  })

  it('knows its version', async () => {
    expect(await run('--version')).toEqual({ exit: 0, stdout: '0.1.0\n', stderr: '' })
  })
})

describe('no controller', () => {
  it.each([['network', 'ls'], ['status'], ['events'], ['network', 'create', '--subnet', '10.0.0.0/24', 'x']])(
    '%s %s is unavailable, with the way and the remedy',
    async (...argv) => {
      const { exit, stdout, stderr } = await run(...argv)
      expect({ exit, stdout }).toEqual({ exit: 6, stdout: '' })
      expect(stderr).toContain('unix:/nowhere/controller.sock')
      expect(stderr).toContain('npm start')
    },
  )

  it('does not let a lab be missed: exec needs one that is up', async () => {
    const { exit, stderr } = await run('lab', 'exec', '--name', 'nosuchlab', 'docker1', '--', 'true')
    expect(exit).toBe(3)
    expect(stderr).toContain('weft lab up')
  })
})
