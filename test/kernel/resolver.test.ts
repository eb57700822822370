/** The resolver in a real sandbox: its sockets and table, questions through the kernel, and what is left behind. */
import { execFile, execFileSync } from 'node:child_process'
import { closeSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type NamesFile, NO_NAMES } from '../../agent/src/dns/names.ts'
import { followNames } from '../../agent/src/dns/names-reader.ts'
import { ResolverService } from '../../agent/src/dns/service.ts'
import { DOCKER_RESOLVER, openSandboxes, type Sandboxes } from '../../agent/src/kernel/sandbox/index.ts'
import { openLog } from '../../agent/src/log.ts'

const NETNS = `weftdns${process.pid}`
const SANDBOX = `/run/netns/${NETNS}`
const log = openLog('silent', 'test')
const ip = (...argv: string[]) => execFileSync('ip', argv, { encoding: 'utf8' })
const inside = (...argv: string[]) => execFileSync('nsenter', [`--net=${SANDBOX}`, ...argv], { encoding: 'utf8' })
const NET = 'n'.repeat(20)

function names(internal: boolean, address = '10.0.0.2'): NamesFile {
  return {
    ...NO_NAMES,
    networks: [{ uid: NET, name: 'front', endpoints: [{ names: ['db'], addresses: [address] }] }],
    sandboxes: [{ path: SANDBOX, networks: [NET], internal }],
  }
}

/** dig runs beside us: our own loop has to answer it. */
async function dig(...question: string[]): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>()
  const argv = [`--net=${SANDBOX}`, 'dig', '+time=1', '+tries=1', `@${DOCKER_RESOLVER}`, ...question]
  execFile('nsenter', argv, { encoding: 'utf8' }, (_, stdout) => resolve(stdout))
  return await promise
}

async function until(what: () => boolean): Promise<void> {
  for (const end = performance.now() + 2000; !what(); ) {
    if (performance.now() > end) throw new Error(`not within 2 s: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

describe('resolver in a sandbox', () => {
  let sandboxes: Sandboxes
  let service: ResolverService
  let id = 0

  beforeEach(async () => {
    sandboxes = await openSandboxes()
    service = new ResolverService({
      sandboxes,
      resolver: DOCKER_RESOLVER,
      log,
      randomId: () => id++ & 0xffff,
      nowMs: () => performance.now(),
    })
    ip('netns', 'add', NETNS)
    ip('-n', NETNS, 'link', 'set', 'lo', 'up')
  })
  afterEach(() => {
    service.close()
    sandboxes.close()
    ip('netns', 'del', NETNS)
  })

  it('answers what is asked of 127.0.0.11, over UDP and TCP, and takes its table along', async () => {
    service.take(names(false))
    await until(() => service.sandboxes === 1)
    expect(await dig('+short', 'db')).toBe('10.0.0.2\n')
    expect(await dig('+short', '+tcp', 'db.front')).toBe('10.0.0.2\n')
    expect(inside('nft', 'list', 'tables')).toContain('weft_dns')
    service.take(names(false, '10.0.0.3'))
    expect(await dig('+short', 'db')).toBe('10.0.0.3\n')
    service.take(NO_NAMES)
    expect(inside('nft', 'list', 'tables')).not.toContain('weft_dns')
    expect(inside('ss', '-Hlnut')).toBe('')
  })

  it('asks 127.0.0.11 itself for the rest, and tells its own address apart', async () => {
    const other = { ...names(false), networks: [{ uid: NET, name: 'front', endpoints: [] }] }
    service.take(other)
    await until(() => service.sandboxes === 1)
    const rules = inside('nft', '-n', 'list', 'table', 'ip', 'weft_dns')
    expect(rules).toMatch(/priority -110/)
    expect(rules).toMatch(
      /ip saddr 127\.0\.0\.54 accept\s+ip daddr 127\.0\.0\.11 meta l4proto (?:udp|17) dnat to 127\.0\.0\.54:\d+/,
    )
    // Nobody is Docker's resolver here: over TCP that is known at once.
    expect(await dig('+tcp', 'example.com')).not.toContain('status: NOERROR')
  })

  it('leaves port 53 to a server in the container', async () => {
    service.take(names(false))
    await until(() => service.sandboxes === 1)
    expect(inside('ss', '-Hlnut')).not.toMatch(/:53\s/)
  })

  it('refuses foreign names where there is no way out, and asks once there is one', async () => {
    service.take(names(true))
    await until(() => service.sandboxes === 1)
    expect(await dig('example.com')).toContain('status: REFUSED')
    expect(await dig('+tcp', 'example.com')).toContain('status: REFUSED')
    expect(await dig('+short', 'db')).toBe('10.0.0.2\n')
    ip('-n', NETNS, 'link', 'add', 'v0', 'type', 'veth', 'peer', 'name', 'v1')
    ip('-n', NETNS, 'addr', 'add', '10.0.0.2/24', 'dev', 'v0')
    ip('-n', NETNS, 'link', 'set', 'v0', 'up')
    ip('-n', NETNS, 'route', 'add', 'default', 'via', '10.0.0.1')
    expect(sandboxes.hasDefaultRoute(SANDBOX)).toBe(true)
    expect(await dig('example.com')).not.toContain('status: REFUSED')
  })

  it('enters a sandbox as it appears, and again after its namespace was replaced', async () => {
    ip('netns', 'del', NETNS)
    service.take(names(false))
    expect(service.sandboxes).toBe(0)
    ip('netns', 'add', NETNS)
    await until(() => service.sandboxes === 1)
    ip('netns', 'del', NETNS)
    await until(() => service.sandboxes === 0)
    ip('netns', 'add', NETNS)
    ip('-n', NETNS, 'link', 'set', 'lo', 'up')
    await until(() => service.sandboxes === 1)
    expect(await dig('+short', 'db')).toBe('10.0.0.2\n')
  })

  it('takes a sandbox over from a resolver that was killed', async () => {
    for (const fd of Object.values<number>({ ...sandboxes.open(SANDBOX) })) closeSync(fd)
    expect(await dig('+tcp', 'db')).toContain('connection refused')
    service.take(names(false))
    await until(() => service.sandboxes === 1)
    expect(await dig('+short', 'db')).toBe('10.0.0.2\n')
  })

  it('follows the names file, keeps what it had when a text is damaged', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'weft-names-'))
    const file = path.join(folder, 'names.json')
    const put = (text: string) => {
      writeFileSync(`${file}.new`, text)
      renameSync(`${file}.new`, file)
    }
    const seen: (string | undefined)[] = []
    const follower = followNames(file, log, (content) => seen.push(content.networks[0]?.endpoints[0]?.addresses[0]))
    try {
      put(JSON.stringify(names(false)))
      await until(() => seen.length === 1)
      put('{"v":1')
      await new Promise((resolve) => setTimeout(resolve, 300))
      expect(seen).toEqual(['10.0.0.2'])
      put(JSON.stringify(names(false, '10.0.0.3')))
      await until(() => seen.length === 2)
      expect(seen).toEqual(['10.0.0.2', '10.0.0.3'])
    } finally {
      follower.close()
      rmSync(folder, { recursive: true })
    }
  })
})
