import type { FoundDockerNetwork } from '@weft/shared'
import { describe, expect, it } from 'vitest'
import { importPlan } from './plan.ts'

const FOUND: FoundDockerNetwork = {
  id: 'd'.repeat(64),
  name: 'lan',
  driver: 'macvlan',
  internal: false,
  options: { parent: 'eth0.100', macvlan_mode: 'bridge' },
  labels: { team: 'a' },
  subnets: [{ subnet: '10.80.0.0/24', gateway: '10.80.0.254', auxAddresses: { router: '10.80.0.9' } }],
  members: [
    { id: '1', name: 'web', running: true, addresses: ['10.80.0.2'], mac: '02:42:0a:50:00:02', aliases: ['www'] },
    { id: '2', name: 'idle', running: false, addresses: [], ip: '10.80.0.77', aliases: [] },
  ],
}

describe('importPlan', () => {
  it('wants the network as it is, and an address reserved for each container that has one', () => {
    expect(importPlan(FOUND, 'docker1', {})).toEqual({
      request: {
        ...{ name: 'lan', driver: 'macvlan', options: { parent: 'eth0.100', macvlan_mode: 'bridge' } },
        subnets: [{ subnet: '10.80.0.0/24', gateway: '10.80.0.254' }],
        auxAddresses: { router: '10.80.0.9' },
        ...{ labels: { team: 'a' }, internal: false, ipv4: true, ipv6: false, replaces: 'docker1' },
      },
      reservations: [{ name: 'web', addresses: ['10.80.0.2'], mac: '02:42:0a:50:00:02' }],
      notes: [],
    })
  })

  it('gives it another name and driver, and tells which options have no counterpart there', () => {
    const { request, notes } = importPlan(FOUND, 'docker1', { name: 'wide', driver: 'overlay' })
    expect(request).toMatchObject({ name: 'wide', driver: 'overlay', options: {} })
    expect(notes).toEqual([
      'option parent=eth0.100 has no counterpart in driver overlay',
      'option macvlan_mode=bridge has no counterpart in driver overlay',
    ])
  })

  it('speaks Docker’s words for a bridge’s options', () => {
    const options = {
      'com.docker.network.driver.mtu': '1400',
      'com.docker.network.bridge.enable_icc': 'false',
      'com.docker.network.bridge.name': 'br7',
    }
    const { request, notes } = importPlan({ ...FOUND, driver: 'bridge', options }, 'docker1', {})
    expect(request.options).toEqual({ mtu: '1400', icc: 'false' })
    expect(notes).toEqual(['option com.docker.network.bridge.name=br7 has no counterpart in driver bridge'])
  })

  it('does not take over what Swarm or another plugin made', () => {
    expect(() => importPlan({ ...FOUND, driver: 'overlay' }, 'docker1', {})).toThrow(
      /driver is overlay; bridge, macvlan/,
    )
  })
})
