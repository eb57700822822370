/** The process: its words, its streams, its signals, its exit code. */
import { randomUUID } from 'node:crypto'
import { runCommandLine } from './commands/run.ts'

const stop = new AbortController()
let interruptible = false

/** A reader that went away (`weft events | head -1`) ends a stream of data, and is no failure. */
for (const stream of [process.stdout, process.stderr])
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE' && error.code !== 'EIO') throw error
    if (interruptible || stream === process.stderr) stop.abort(error)
    else process.exit()
  })

function interrupt(signals: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP']): AbortSignal {
  interruptible = true
  for (const signal of signals) process.on(signal, () => stop.abort(new Error(`interrupted by ${signal}`)))
  return stop.signal
}

process.exitCode = await runCommandLine(process.argv.slice(2), {
  terminal: { stdout: process.stdout, stderr: process.stderr, stdin: process.stdin, env: process.env },
  newRequestId: randomUUID,
  nowMs: () => Date.now(),
  interrupt,
})
