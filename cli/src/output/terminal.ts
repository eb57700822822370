/** What a command writes to: data on stdout, all else on stderr. Passed in, so that tests read it back. */

export interface Stream {
  write(text: string): unknown
  readonly isTTY?: boolean
  readonly columns?: number
  readonly rows?: number
}

export interface Terminal {
  readonly stdout: Stream
  readonly stderr: Stream
  /** Where answers come from; absent: nobody is asked. */
  readonly stdin?: NodeJS.ReadableStream & { readonly isTTY?: boolean }
  readonly env: Readonly<Record<string, string | undefined>>
}

/** Writes data: the result that a script reads. */
export function print(terminal: Terminal, text: string): void {
  terminal.stdout.write(text.endsWith('\n') || text === '' ? text : `${text}\n`)
}

/** Writes a line for the person: progress, warnings, notes. */
export function note(terminal: Terminal, text: string): void {
  terminal.stderr.write(`${text}\n`)
}

/** Control characters of a value shown as escapes, so that no name or message can steer the reader's terminal. */
export function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`)
}
