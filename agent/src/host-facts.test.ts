import { describe, expect, it } from 'vitest'
import { describeHost, type FactSources, rememberUntilRung } from './host-facts.ts'

const SOURCES: FactSources = {
  hostname: 'docker1',
  kernel: '6.1.0',
  agentVersion: '1.0.0',
  dockerVersion: undefined,
  interfaces: [
    {
      name: 'eth0',
      mtu: 1500,
      mac: '02:00:00:00:00:01',
      up: true,
      kind: 'device',
      addresses: ['10.0.0.1/24', '10.0.0.2/24', 'fd00::1/64'],
    },
  ],
  routes: ['10.0.0.0/24'],
  underlay: 'eth0',
  vtep: undefined,
}

describe('what a host tells of itself', () => {
  it('its VTEP is the first IPv4 address of the underlay, or the one that was given', () => {
    expect(describeHost(SOURCES).underlay).toEqual({ interface: 'eth0', address: '10.0.0.1', mtu: 1500 })
    expect(describeHost({ ...SOURCES, vtep: 'fd00::1' }).underlay.address).toBe('fd00::1')
  })

  it.each([
    [{ underlay: 'eth9' }, /eth9.*eth0/],
    [{ vtep: '10.9.9.9' }, /10\.9\.9\.9/],
    [{ interfaces: [] }, /none/],
  ])('waits while %j', (parts, words) => {
    expect(() => describeHost({ ...SOURCES, ...parts })).toThrow(words)
  })
})

describe('what is remembered until the doorbell rings', () => {
  it('is read once, again after a ring, and again when it is old', () => {
    let [reads, nowMs] = [0, 0]
    const memory = rememberUntilRung({ read: () => ++reads, nowMs: () => nowMs, mostMs: 100 })
    expect([memory.get(), memory.get()]).toEqual([1, 1])
    memory.rung()
    expect([memory.get(), memory.get()]).toEqual([2, 2])
    nowMs = 99
    expect(memory.get()).toBe(2)
    nowMs = 100
    expect([memory.get(), memory.get()]).toEqual([3, 3])
  })
})
