/** Namespaces known by their cookies, on a real kernel: a path that leads elsewhere is never taken for the one that was meant. */
import { execFileSync, spawn } from 'node:child_process'
import { FABRIC_NETNS } from '@weft/shared'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type NamespaceFinder, openNamespaceFinder } from '../../agent/src/kernel/namespace-finder.ts'
import { type Namespaces, openNamespaces } from '../../agent/src/kernel/netns.ts'
import { sandboxText } from '../../agent/src/kernel/sandbox-path.ts'

const NAME = 'weft-find-1'
const PATH = `/run/netns/${NAME}`
const ip = (...args: string[]) => execFileSync('ip', args)

describe('namespaces by their cookies', () => {
  let finder: NamespaceFinder
  let namespaces: Namespaces

  beforeAll(async () => {
    finder = await openNamespaceFinder(FABRIC_NETNS)
    namespaces = await openNamespaces('/nonexistent')
    ip('netns', 'add', NAME)
  })
  afterAll(() => {
    ip('netns', 'del', NAME)
    finder?.close()
    namespaces?.close()
  })

  it('tells the host’s own from another', () => {
    expect(finder.isHosts(finder.identify('/proc/self/ns/net'))).toBe(true)
    expect(finder.isHosts(finder.identify(PATH))).toBe(false)
  })

  it('finds a namespace by a process in it, as long as there is one', async () => {
    const id = finder.identify(PATH)
    expect(finder.findProcess(id)).toBeUndefined()
    const child = spawn('ip', ['netns', 'exec', NAME, 'sleep', '60'])
    const inside = () => finder.findProcess(id)
    await expect.poll(inside, { timeout: 5_000 }).toBe(`/proc/${child.pid}/ns/net`)
    child.kill('SIGKILL')
    await expect.poll(inside, { timeout: 5_000 }).toBeUndefined()
  })

  it('enters a sandbox only while its path leads to it', () => {
    const before = finder.identify(PATH)
    const sandbox = sandboxText({ path: PATH, cookie: before.cookie })
    expect(namespaces.within(sandbox, () => 'inside')).toBe('inside')
    ip('netns', 'del', NAME)
    expect(() => namespaces.within(sandbox, () => 'inside')).toThrow('no such network namespace')
    ip('netns', 'add', NAME)
    expect(finder.identify(PATH).cookie).not.toBe(before.cookie)
    expect(() => namespaces.within(sandbox, () => 'inside')).toThrow('another one is there now')
    expect(() => namespaces.withDescriptor(sandbox, () => 'inside')).toThrow('another one is there now')
    // And one is where one was.
    expect(finder.isHosts(finder.identify('/proc/thread-self/ns/net'))).toBe(true)
  })

  it('says of what is no namespace that there is none', () => {
    for (const path of ['/etc/hostname', '/nonexistent', '/proc/4194303/ns/net'])
      expect(() => finder.identify(path)).toThrow('no such network namespace')
  })
})
