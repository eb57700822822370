/** docs/guide.md, typed word for word into the lab: every command works, and prints what the guide says (issue point 15). */
import fs from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { execIn } from '../../cli/src/lab/index.ts'
import { documentBlocks, says } from '../support/document.ts'
import { useLab } from '../support/lab.ts'

const ROOT = path.join(import.meta.dirname, '../..')
const BLOCKS = documentBlocks(fs.readFileSync(path.join(ROOT, 'docs/guide.md'), 'utf8'))
/** This kernel has no 802.1Q; the rig's stories type these. */
const ELSEWHERE = 'vlan'

describe('guide', () => {
  const lab = useLab('guide')
  it.for(
    BLOCKS.map((block) => ({ ...block, title: `${block.section}: ${block.place}: ${block.commands.split('\n')[0]}` })),
  )('$title', async ({ place, marks, commands, prints }, { skip }) => {
    if (marks.includes(ELSEWHERE)) skip('needs 802.1Q: see test/rig/vlan.test.ts')
    const env = { PATH: `${path.join(ROOT, 'node_modules/.bin')}:${process.env.PATH}` }
    const { code, stdout, stderr } = await execIn(lab(), place, ['sh', '-euc', commands], { env })
    expect(code === 0, stderr).toBe(!marks.includes('fails'))
    const printed = marks.includes('fails') ? `${stdout}${stderr}` : stdout
    if (prints !== undefined)
      expect(says(prints, printed), `the guide says\n${prints}\nand this came:\n${printed}`).toBe(true)
  })
})
