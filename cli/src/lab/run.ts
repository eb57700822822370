/** Short commands run to their end. */
import { spawn } from 'node:child_process'
import { WeftError } from '@weft/shared'

export interface RunOptions {
  readonly input?: string
  readonly signal?: AbortSignal
  readonly env?: NodeJS.ProcessEnv
  /** Deadline; the command is killed when it passes. */
  readonly timeoutMs?: number
}

/**
 * Runs a program without a shell and gives back its stdout. It gets a session of its own, so that a Ctrl-C at the
 * terminal does not break a half-done step: whoever called decides what is undone.
 * Throws `internal` with the program's stderr when it fails, `deadline` when it takes too long.
 */
export async function run(argv: readonly string[], options: RunOptions = {}): Promise<string> {
  const [program = '', ...args] = argv
  const timeoutMs = options.timeoutMs ?? 60_000
  const deadline = AbortSignal.timeout(timeoutMs)
  const signal = options.signal === undefined ? deadline : AbortSignal.any([options.signal, deadline])
  return await new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      detached: true,
      stdio: 'pipe',
      signal,
      killSignal: 'SIGKILL',
      env: { ...process.env, ...options.env },
    })
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
    })
    // EPIPE: the program ended without reading; its exit code tells.
    child.stdin.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') reject(WeftError.from(error, `input of ${program}`))
    })
    child.stdin.end(options.input ?? '')
    child.on('error', (cause) => reject(failure(cause, argv, deadline.aborted, timeoutMs)))
    child.on('close', (code, killed) => {
      if (code === 0) return resolve(stdout)
      const why = stderr.trim() || stdout.trim().slice(-2000) || `it ended with ${killed ?? code}`
      reject(new WeftError('internal', { what: 'command failed', on: argv.join(' '), why }))
    })
  })
}

function failure(cause: Error, argv: readonly string[], late: boolean, timeoutMs: number): WeftError {
  const on = argv.join(' ')
  if (late) return new WeftError('deadline', { what: 'command took too long', on, why: `over ${timeoutMs} ms`, cause })
  return new WeftError('internal', { what: 'command did not run', on, why: cause.message, cause })
}

/** Runs `ip -batch` in a network namespace. Throws `internal` with the line that the kernel refused. */
export async function ipBatch(netns: string, lines: readonly string[], signal?: AbortSignal): Promise<void> {
  await run(['ip', '-n', netns, '-batch', '-'], { input: `${lines.join('\n')}\n`, ...(signal ? { signal } : {}) })
}
