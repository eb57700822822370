import { describe, expect, it } from 'vitest'
import { ClusterIndex } from '../domain/pure/cluster-index.ts'
import { keys } from '../domain/pure/keys.ts'
import { judgeRecords } from './records.ts'

const uplink = JSON.stringify({ v: 1, req: 'r', gen: 1, interface: 'eth0' })

/** An index that was given these values of a key, one after the other, of which only the last is left for it to read. */
function indexOf(...written: readonly (readonly [key: string, value: string, versions: number])[]): ClusterIndex {
  const index = new ClusterIndex()
  for (const [key, value, versions] of written) {
    index.put({ key, value, createRevision: 10, modRevision: 9 + versions })
  }
  return index
}

describe('records', () => {
  it('are fine when all can be read', () => {
    const findings = judgeRecords(indexOf([keys.uplink('lan', 'docker1'), uplink, 1]))
    expect(findings).toEqual([
      { check: 'services', hosts: [], severity: 'ok', measured: 'every record in etcd can be read' },
    ])
  })

  it('are an error where hosts wait for one, with its key, the hosts and the command', () => {
    const [lost, kept] = [keys.uplink('lan', 'docker1'), keys.networkName('front')]
    const findings = judgeRecords(indexOf([kept, 'rubbish', 2], [lost, 'rubbish', 2]))
    expect(findings.map(({ severity, measured }) => [severity, measured])).toEqual([
      ['error', expect.stringContaining(lost)],
      ['warn', expect.stringContaining(kept)],
    ])
    expect(findings[0]).toMatchObject({
      why: expect.stringContaining('on hold for docker1'),
      remedy: expect.stringContaining(`etcdctl del ${lost}`),
    })
    expect(findings[1]?.why).toContain('stays in force')
  })

  it('are shown up to ten, and the others counted', () => {
    const bad = Array.from({ length: 14 }, (_, n) => [keys.networkName(`net${n}`), '{}', 1] as const)
    const findings = judgeRecords(indexOf(...bad))
    expect(findings).toHaveLength(11)
    expect(findings[10]?.measured).toBe('and 4 more etcd records cannot be read')
  })
})
