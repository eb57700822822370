/** Routing for gateways on the real kernel: what is switched on, what stands in iptables, and what is seen of a change to it. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import type { Op } from '@weft/shared'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createLinuxWorld, type LinuxWorld, run } from './linux-world.ts'

describe('host forwarding', () => {
  let world: LinuxWorld
  beforeEach(async () => {
    world = await createLinuxWorld()
  })
  afterEach(() => world.dispose())

  const set = (...families: (4 | 6)[]): Promise<unknown> =>
    world.kernel.apply([{ op: 'host-forwarding-set', families } satisfies Op])
  const seen = async () => (await world.kernel.observe([])).state.hostForwarding
  const chain = (program: string) => execFileSync(program, ['-S', 'FORWARD'], { encoding: 'utf8' })
  const rules = (program: string) => chain(program).match(/--comment "?weft"? -j ACCEPT/g)?.length ?? 0
  const isOn = (file: string) => readFileSync(`/proc/sys/net/${file}`, 'utf8').trim() === '1'

  it('routes, and adds nothing to iptables where nothing is dropped', async () => {
    expect(await seen()).toEqual([])
    expect(await set(4, 6)).toEqual([])
    expect(await seen()).toEqual([4, 6])
    expect([isOn('ipv4/ip_forward'), isOn('ipv6/conf/all/forwarding')]).toEqual([true, true])
    expect([rules('iptables'), rules('ip6tables')]).toEqual([0, 0])
  })

  it('lets gateways through at the end where the policy is DROP, sees what is taken away, and cleans up', async () => {
    run('iptables', '-P', 'FORWARD', 'DROP')
    run('iptables', '-A', 'FORWARD', '-i', 'admin0', '-j', 'DROP')
    await set(4)
    expect(await seen()).toEqual([4])
    expect(rules('iptables')).toBe(4)
    expect(chain('iptables').split('\n')[1]).toBe('-A FORWARD -i admin0 -j DROP')
    run('iptables', '-F', 'FORWARD')
    expect(await seen()).toEqual([])
    await set(4)
    expect([await seen(), rules('iptables')]).toEqual([[4], 4])
    await set()
    expect([await seen(), rules('iptables')]).toEqual([[], 0])
  })

  it('finds rules of an agent before it, and takes them away', async () => {
    run('iptables', '-P', 'FORWARD', 'DROP')
    run('iptables', '-A', 'FORWARD', '-i', 'wfg+', '-m', 'comment', '--comment', 'weft', '-j', 'ACCEPT')
    expect(await seen()).toEqual([4])
    await set()
    expect([await seen(), rules('iptables')]).toEqual([[], 0])
  })
})
