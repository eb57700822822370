/** Lines for a person who waits, on stderr, each with the seconds since the start. */
const beganMs = performance.now()

export function say(text: string): void {
  const seconds = ((performance.now() - beganMs) / 1000).toFixed(1).padStart(6)
  process.stderr.write(`[${seconds}s] ${text}\n`)
}
