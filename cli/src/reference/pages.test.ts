import { drivers, OPERATIONS } from '@weft/shared'
import { describe, expect, it } from 'vitest'
import { TREE } from '../commands/tree.ts'
import { referencePages } from './pages.ts'

describe('reference', () => {
  const pages = referencePages()

  it('has every command, driver and operation', () => {
    for (const { name } of TREE.commands) expect(pages['commands.md']).toContain(`weft ${name}`)
    for (const { name } of drivers()) expect(pages['drivers.md']).toContain(`## ${name}\n`)
    for (const name of Object.keys(OPERATIONS)) expect(pages['api.md']).toContain(`## ${name}\n`)
  })

  it('says of fields what the schemas say', () => {
    for (const row of [
      '| `networks.NETWORK.driver` | text | see the drivers; `overlay` when left out |',
      '| `networks.NETWORK.ipam.config[].subnet` | text | `10.20.0.0/24`, `fd20::/64` |',
      '| `networks.NETWORK.labels` | map of texts | all of them; others are taken away |',
      '| `uplinks.UPLINK.HOST` | text |  |',
      '| `reservations.NETWORK.CONTAINER.mac` | text | of Weft’s choice when left out |',
      '| `publications[].protocol` | `tcp` or `udp` | `tcp` when left out |',
    ])
      expect(pages['files.md']).toContain(row)
    expect(pages['api.md']).toContain('| `subnets` | `{subnet, gateway?, ipRange?}[]` |  |')
    expect(pages['drivers.md']).toContain('| `parent` |')
  })

  it('has tables that hold: as many bars in each row as in its heading', () => {
    for (const text of Object.values(pages)) {
      const rows = text.split('\n').filter((line) => line.startsWith('|'))
      const bars = rows.map((row) => row.replaceAll('\\|', '').split('|').length)
      for (const [index, row] of rows.entries()) {
        const heading = rows.slice(0, index + 1).findLastIndex((each) => each.startsWith('| ---'))
        if (heading >= 0 && !row.startsWith('| ---') && rows[index + 1]?.startsWith('| ---') !== true)
          expect(bars[index], row).toBe(bars[heading])
      }
    }
  })
})
