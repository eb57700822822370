/** Runs another program to its end: arguments as a list, never a shell. */
import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { WeftError } from '@weft/shared'

const DEADLINE_MS = 10_000

/**
 * Answers what the program printed. Throws `internal` with its stderr when it exits with an error, `unavailable` when it
 * cannot be started, `deadline` after 10 s.
 */
export async function runProgram(program: string, argv: readonly string[], input = ''): Promise<string> {
  const child = spawn(program, argv, { stdio: 'pipe', timeout: DEADLINE_MS, killSignal: 'SIGKILL' })
  const ended = new Promise<{ code: number | null; signal: string | null }>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => resolve({ code, signal }))
  })
  // A program that ends early closes its stdin under us; its exit code tells why.
  child.stdin.on('error', () => undefined)
  child.stdin.end(input)
  const line = [program, ...argv].join(' ')
  try {
    const [output, complaint, { code, signal }] = await Promise.all([text(child.stdout), text(child.stderr), ended])
    if (code === 0) return output
    const ran = signal === null ? 'internal' : 'deadline'
    throw new WeftError(ran, { what: 'program failed', on: line, why: complaint.trim() || `exit ${code ?? signal}` })
  } catch (error) {
    if (error instanceof WeftError) throw error
    const why = error instanceof Error ? error.message : String(error)
    throw new WeftError('unavailable', { what: 'program not started', on: line, why, cause: error })
  }
}

/** Whether a program ended because what it was to read is not there (ENOENT, in the C library's words). */
export function isNoSuchFile(error: unknown): boolean {
  return error instanceof WeftError && error.parts.why?.includes('No such file') === true
}
