/** `weft` as a process, from source. */
import { spawn } from 'node:child_process'
import path from 'node:path'

const MAIN = path.resolve(import.meta.dirname, '../../cli/src/main.ts')

export interface Ended {
  readonly exit: number | string | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs `weft` to its end; `until` sends SIGINT as soon as that text was printed. */
export async function runWeft(argv: readonly string[], env: NodeJS.ProcessEnv, until?: string): Promise<Ended> {
  const { WEFT_LAB: _, WEFT_SECRET_FILE: __, WEFT_CONTROLLER: ___, ...clean } = process.env
  const child = spawn(process.execPath, ['--conditions=source', MAIN, ...argv], { env: { ...clean, ...env } })
  let stdout = ''
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
    if (until !== undefined && stdout.includes(until)) child.kill('SIGINT')
  })
  return await new Promise((resolve) => {
    child.on('close', (code, signal) => resolve({ exit: code ?? signal, stdout, stderr }))
  })
}
