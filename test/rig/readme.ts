/** The README's "Three hosts in five minutes" on the rig's machines: provision.sh types it, this keeps what was printed. */
import fs from 'node:fs'
import path from 'node:path'
import { WeftError } from '@weft/shared'
import { run } from '../../cli/src/lab/run.ts'
import { MACHINES, RUN } from './layout.ts'
import type { Machine } from './machine.ts'

const PROVISION = path.join(import.meta.dirname, 'provision.sh')
const README = path.resolve(import.meta.dirname, '../../README.md')
/** Installing packages is the longest of the commands. */
const BLOCK_MS = 300_000

export interface Block {
  /** From 1, in the section. */
  readonly number: number
  readonly stage: 'set-up' | 'use'
  /** Names of machines, or `all`. */
  readonly hosts: readonly string[]
  /** It wants the join string; the last one of the set-up. */
  readonly joins: boolean
}

/** The section's blocks of one stage, in their order. */
export async function readmeBlocks(stage: Block['stage']): Promise<Block[]> {
  const lines = (await run(['sh', PROVISION, README])).trim().split('\n')
  const blocks = lines.map((line): Block => {
    const [number = '', of = '', ...hosts] = line.split(' ')
    const unknown = hosts.filter((host) => host !== 'all' && !MACHINES.some(({ name }) => name === host))
    if (unknown.length > 0)
      throw new WeftError('invalid', { what: 'block of the README for no machine', on: unknown.join(' ') })
    return { number: Number(number), stage: of === 'use' ? 'use' : 'set-up', hosts, joins: false }
  })
  const last = blocks.findLast((block) => block.stage === 'set-up')
  return blocks.filter((block) => block.stage === stage).map((block) => ({ ...block, joins: block === last }))
}

/** Runs a block on those machines that it is for, all at once; gives back what each printed. Throws with what a failing one said. */
export async function runBlock(block: Block, machines: readonly Machine[]): Promise<string[]> {
  const its = machines.filter(({ name }) => block.hosts.includes('all') || block.hosts.includes(name))
  const join = block.joins ? [joinString()] : []
  const argv = ['sh', '/var/lib/rig/provision.sh', '/var/lib/rig/README.md', String(block.number), ...join]
  return await Promise.all(
    its.map(async (machine) => {
      const printed = await machine.shell('cd /root; exec "$@" 2>&1', argv, { timeoutMs: BLOCK_MS })
      fs.writeFileSync(transcript(block.number, machine.name), printed)
      return printed
    }),
  )
}

/** What a block printed on a machine when it was run. */
export function transcriptOf(number: number, machine: string): string {
  return fs.readFileSync(transcript(number, machine), 'utf8')
}

/** As the README's reader finds it: on the screen of `weft controller init`. */
function joinString(): string {
  const files = fs.globSync(path.join(RUN, 'readme-*-controller.txt'))
  const found = files.map((file) => /^ *weft join (WEFT1-\S+)$/m.exec(fs.readFileSync(file, 'utf8'))?.[1])
  const string = found.find((each) => each !== undefined)
  if (string !== undefined) return string
  throw new WeftError('internal', { what: 'no join string', why: 'weft controller init did not print one' })
}

function transcript(number: number, machine: string): string {
  return path.join(RUN, `readme-${number}-${machine}.txt`)
}
