/** JSON lines on stderr: a constant phrase, variables as fields (STYLE 29). */
import pino from 'pino'

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]
export type Log = Pick<pino.Logger, 'debug' | 'info' | 'warn' | 'error' | 'fatal'>

/** Writes synchronously, so that the last words before an exit are not lost. */
export function openLog(level: LogLevel, host: string, program = 'weft-agent'): Log {
  const options: pino.LoggerOptions = {
    level,
    base: { program, host },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
  }
  return pino(options, pino.destination({ fd: 2, sync: true }))
}
