/** One command line from words to exit code. Nothing here touches the process; main.ts does. */
import type { CommanderError } from 'commander'
import { painter } from '../output/paint.ts'
import type { Terminal } from '../output/terminal.ts'
import { buildProgram, type Parsed } from './program.ts'
import { type Context, isGroup } from './spec.ts'
import { TREE } from './tree.ts'

export interface Surroundings {
  readonly terminal: Terminal
  readonly newRequestId: Context['newRequestId']
  readonly nowMs: Context['nowMs']
  readonly interrupt: Context['interrupt']
}

const USAGE = 2
const HELP_WIDTH = 120

/** Runs a command line (without `node` and script); gives back the exit code. Never throws: errors end on stderr. */
export async function runCommandLine(argv: readonly string[], around: Surroundings): Promise<number> {
  const { terminal } = around
  let exit: number | undefined
  const act = async ({ spec, given, connection }: Parsed) => {
    exit = await (await spec.load()).run({ ...around, tree: TREE, connection }, given)
  }
  try {
    const other = otherProgram(argv)
    if (other !== undefined) await act(other)
    else {
      const program = buildProgram(TREE, {
        writeOut: (text) => terminal.stdout.write(text),
        writeErr: (text) => terminal.stderr.write(text),
        width: Math.min(terminal.stdout.columns ?? HELP_WIDTH, HELP_WIDTH),
        act,
        refuse,
      })
      await program.parseAsync([...argv], { from: 'user' })
    }
    return exit ?? 0
  } catch (error) {
    if (error instanceof Refused) return await usage(error, terminal)
    const { exitCodeOf, renderError } = await import('../output/errors.ts')
    const debug = (terminal.env.WEFT_DEBUG ?? '') !== ''
    terminal.stderr.write(renderError(error, { paint: painter(terminal.stderr, terminal.env), debug }))
    return exitCodeOf(error)
  }
}

/** `weft controller …` and `weft agent …`: every word behind the name belongs to them, `--help` and `--` too. */
function otherProgram(argv: readonly string[]): Parsed | undefined {
  const spec = TREE.commands.find((each) => each.name === argv[0])
  if (spec === undefined) return undefined
  const given = { args: argv.slice(1), options: {} }
  if (!isGroup(spec)) return spec.passThrough === 'all' ? { spec, given, connection: {} } : undefined
  const named = spec.commands.some(({ name, aliases = [] }) => [name, ...aliases].includes(argv[1] ?? ''))
  if (spec.program === undefined || named) return undefined
  const { name, summary, examples, program } = spec
  return { spec: { name, summary, examples, load: program.load }, given, connection: {} }
}

/** Commander wants to end: after help and version with 0, else because the command line does not hold. */
class Refused extends Error {
  readonly parts: { readonly complaint: CommanderError; readonly command: string }

  constructor(complaint: CommanderError, command: string) {
    super(complaint.message)
    this.parts = { complaint, command }
  }
}

function refuse(complaint: CommanderError, command: string): never {
  throw new Refused(complaint, command)
}

async function usage({ parts: { complaint, command } }: Refused, terminal: Terminal): Promise<number> {
  if (complaint.exitCode === 0) return 0
  // A group without a command: commander has shown its help already.
  if (complaint.code === 'commander.help') return USAGE
  const { WeftError } = await import('@weft/shared')
  const { renderError } = await import('../output/errors.ts')
  const [what = '', hint] = complaint.message.replace(/^error: /, '').split('\n')
  const meant = hint?.replace(/^\(|\)$/g, '')
  const remedy = `${meant === undefined ? '' : `${meant} `}See ${command} --help`
  const error = new WeftError('invalid', { what, remedy })
  terminal.stderr.write(renderError(error, { paint: painter(terminal.stderr, terminal.env), debug: false }))
  return USAGE
}
