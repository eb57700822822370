import fs from 'node:fs/promises'
import { parseWith, WeftError } from '@weft/shared'
import { z } from 'zod'
import { openClient } from '../../client/open.ts'
import { writeFile } from '../../declare/document.ts'
import { KINDS } from '../../declare/registry.ts'
import { print } from '../../output/terminal.ts'
import type { Run } from '../spec.ts'

const Flags = z.strictObject({ output: z.string() })

/** Writes what there is in the words that apply reads. */
export const run: Run = async (context, { options }) => {
  const { terminal } = context
  const { output } = parseWith(Flags, options, 'options')
  const client = await openClient(context.connection, terminal)
  const sections = new Map<string, unknown>()
  for (const kind of KINDS) sections.set(kind.key, (await kind.read(client)).described)
  const { cluster } = await client.call('version', {})
  const text = writeFile(sections, `weft export of cluster ${cluster}`)
  if (output === '-') print(terminal, text)
  else await write(output, text)
  return undefined
}

async function write(file: string, text: string): Promise<void> {
  try {
    await fs.writeFile(file, text)
  } catch (cause) {
    const why = (cause as Error).message
    throw new WeftError('invalid', {
      what: 'file cannot be written',
      on: file,
      why,
      remedy: 'name another: -o FILE',
      cause,
    })
  }
}
