import { drivers, parseWith } from '@weft/shared'
import { z } from 'zod'
import { openClient } from '../client/open.ts'
import { parseWord } from '../commands/flags.ts'
import { type Context, NAME_KINDS, type Names, type Run } from '../commands/spec.ts'
import { print } from '../output/terminal.ts'
import { bashScript } from './bash.ts'
import { fishScript } from './fish.ts'
import { SHELLS } from './shells.ts'
import { completionTable } from './table.ts'
import { zshScript } from './zsh.ts'

const Flags = z.strictObject({ words: z.string().optional() })
const SCRIPTS = { bash: bashScript, zsh: zshScript, fish: fishScript } as const satisfies Record<
  (typeof SHELLS)[number],
  unknown
>

/** Prints a shell's completion script; with --words the names of a kind, one a line. */
export const run: Run = async (context, { args, options }) => {
  const { words } = parseWith(Flags, options, 'options')
  const shell = parseWord('SHELL', args[0] ?? '', SHELLS) as (typeof SHELLS)[number]
  if (words === undefined) print(context.terminal, SCRIPTS[shell](completionTable(context.tree)))
  else {
    const names = await NAMES[parseWord('--words', words, NAME_KINDS) as Names](context)
    print(context.terminal, names.map((name) => `${name}\n`).join(''))
  }
  return undefined
}

const client = (context: Context) => openClient(context.connection, context.terminal)

const NAMES: Readonly<Record<Names, (context: Context) => Promise<string[]>>> = {
  networks: async (context) => (await (await client(context)).call('networkList', {})).map(({ name }) => name),
  hosts: async (context) => (await (await client(context)).call('hostList', {})).map(({ id }) => id),
  uplinks: async (context) => (await (await client(context)).call('uplinkList', {})).map(({ name }) => name),
  routers: async (context) => (await (await client(context)).call('routerList', {})).map(({ name }) => name),
  endpoints: async (context) => {
    const endpoints = await (await client(context)).call('endpointList', { query: {} })
    return endpoints.flatMap(({ name }) => (name === undefined ? [] : [name]))
  },
  drivers: async () => drivers().map(({ name }) => name),
  'lab-hosts': async (context) => {
    const { chooseLab } = await import('../commands/lab/choose.ts')
    const { listHosts } = await import('../lab/index.ts')
    return listHosts(chooseLab(undefined, context.terminal.env)).map(({ name }) => name)
  },
}
