import { describe, expect, it } from 'vitest'
import { etcdVersionWarning } from '../store/etcd-status.ts'
import { examineServices, judgeEtcd } from './services.ts'

describe('the control plane', () => {
  it.each([
    ['3.4.23', undefined],
    ['3.6.13', undefined],
    ['3.5.3', undefined],
    ['3.5.2', /may lose data/],
    ['3.3.25', /3\.4 and newer/],
    ['2.3.8', /3\.4 and newer/],
    ['unknown', /3\.4 and newer/],
  ])('etcd %s', (version, words) => {
    const warning = etcdVersionWarning(version)
    if (words === undefined) expect(warning).toBeUndefined()
    else expect(warning).toMatch(words)
  })

  it('an alarm is an error whatever the version', () => {
    const finding = judgeEtcd({ version: '3.6.13', dataBytes: 2 ** 21, alarms: ['NOSPACE'] })
    expect(finding).toMatchObject({ severity: 'error', measured: expect.stringMatching(/2 MiB.*NOSPACE/) })
    expect(finding.remedy).toContain('etcdctl alarm disarm')
  })

  it('looks at the folder, and says of an etcd that does not answer why', async () => {
    const etcdStatus = () => Promise.reject(new Error('connection refused'))
    const findings = await examineServices({ warnings: () => ['NATS is old'], etcdStatus, dataFolder: '/' })
    expect(findings.map(({ severity }) => severity)).toEqual([
      'warn',
      'skipped',
      expect.stringMatching(/ok|warn|error/),
    ])
    expect(findings[1]?.measured).toContain('connection refused')
    expect(findings[2]?.measured).toMatch(/^the controller's \/: \d+ MiB of \d+ MiB free$/)
  })
})
