/** Docker Swarm's overlay beside ours, on the same hosts and the same UDP port: neither cuts the other off. */
import { beforeAll, describe, expect, it } from 'vitest'
import { on, reaches, runContainer, weft } from '../../cli/src/lab/scenario/check.ts'
import { SWARM } from '../bench/networks.ts'
import { eventually, useLab } from '../support/lab.ts'

const OURS = 'ours'
const HOSTS = ['docker1', 'docker2'] as const

describe('a Swarm overlay and a Weft overlay on one UDP port', () => {
  const lab = useLab('swarm')

  beforeAll(async () => {
    await weft(lab(), 'network', 'create', '--subnet', '10.90.0.0/24', OURS)
    for (const host of HOSTS) await runContainer(lab(), host, `ours-${host}`, OURS)
    await reaches(lab(), 'docker1', 'ours-docker1', 'ours-docker2')
    await SWARM.make(lab())
    for (const host of HOSTS) await runContainer(lab(), host, `theirs-${host}`, SWARM.network)
  })

  it('share the port on both hosts', async () => {
    const port = await on(lab(), 'docker1', 'docker', 'info', '--format', '{{.Swarm.Cluster.DataPathPort}}')
    expect(port).toBe('4789')
    for (const host of HOSTS) {
      const devices = await on(lab(), host, 'ip', '-n', 'weft', '-d', '-j', 'link', 'show', 'type', 'vxlan')
      expect(JSON.parse(devices)).toMatchObject([{ linkinfo: { info_data: { port: 4789 } } }])
    }
  })

  it('both reach across hosts', async () => {
    await reaches(lab(), 'docker1', 'theirs-docker1', 'theirs-docker2')
    await reaches(lab(), 'docker1', 'ours-docker1', 'ours-docker2')
  })

  it('goes on so when our agents have put the filter back', async () => {
    for (const host of HOSTS) {
      await on(lab(), host, 'nft', 'delete', 'table', 'inet', 'weft_vxlan')
      await eventually(`${host} is guarded again`, 10_000, async () => {
        const tables = await on(lab(), host, 'nft', 'list', 'tables')
        return tables.includes('weft_vxlan') ? true : undefined
      })
    }
    await reaches(lab(), 'docker1', 'theirs-docker1', 'theirs-docker2')
    await reaches(lab(), 'docker1', 'ours-docker1', 'ours-docker2')
  })
})
