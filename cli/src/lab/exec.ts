/** Running a command as on a lab host. */
import { spawn } from 'node:child_process'
import os from 'node:os'
import { WeftError } from '@weft/shared'
import { enterHost } from './enter.ts'
import { findHost, type Lab } from './record.ts'

export interface ExecOptions {
  /** `inherit` gives the command this process's terminal; `pipe` (the default) collects what it prints. */
  readonly stdio?: 'inherit' | 'pipe'
  readonly input?: string
  /** Ends the command (SIGTERM) when it aborts; its exit code is then 143. */
  readonly signal?: AbortSignal
  readonly env?: NodeJS.ProcessEnv
  /** Working directory; the caller's by default. */
  readonly cwd?: string
}

export interface ExecResult {
  /** The command's exit code; 128 + n when signal n ended it, 127 when it was not found. */
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/**
 * Runs `argv` in the namespaces of lab host `name` (`controller` too). A failing command is a result, not an error.
 * Throws `not_found` for an unknown host, `unavailable` when the host is not up.
 */
export async function execIn(
  lab: Lab,
  name: string,
  argv: readonly string[],
  options: ExecOptions = {},
): Promise<ExecResult> {
  // nsenter forks to enter a PID namespace and hands no signal on: the command asks the kernel to tell it.
  const inner = ['setpriv', '--pdeathsig', 'TERM', '--', 'env', '--chdir', options.cwd ?? process.cwd(), '--', ...argv]
  const [program = '', ...args] = enterHost(findHost(lab, name), inner)
  return await new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      stdio: options.stdio === 'inherit' ? 'inherit' : 'pipe',
      env: { ...process.env, ...options.env, WEFT_LAB: lab.name },
    })
    let stdout = ''
    let stderr = ''
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      stdout += text
    })
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
    })
    // EPIPE: the command ended without reading; its exit code tells.
    child.stdin?.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') reject(WeftError.from(error, `input of ${argv.join(' ')}`))
    })
    child.stdin?.end(options.input ?? '')
    // The terminal sends Ctrl-C to the command as well; the command decides what it means, and we wait for it.
    const ignore = () => undefined
    if (options.stdio === 'inherit') process.on('SIGINT', ignore)
    const end = () => child.kill('SIGTERM')
    if (options.signal?.aborted) end()
    options.signal?.addEventListener('abort', end, { once: true })
    child.on('error', (error) => reject(WeftError.from(error, `command on ${name}`)))
    child.on('close', (code, signal) => {
      process.off('SIGINT', ignore)
      options.signal?.removeEventListener('abort', end)
      resolve({ code: code ?? 128 + (signal === null ? 0 : os.constants.signals[signal]), stdout, stderr })
    })
  })
}
