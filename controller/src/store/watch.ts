import type { WatchBatch, WatchEvent, WatchOptions } from './kv.ts'
import { Mailbox } from './mailbox.ts'
import { below } from './range.ts'
import { backoffMs, sleep, type Time } from './time.ts'
import type { WatchAnswer, Wire } from './wire.ts'

export interface WatchTuning {
  readonly time: Time
  readonly random: () => number
  /** How often a stream is asked for a sign of life, milliseconds. */
  readonly pingMs: number
  /** Silence after which a stream is given up and opened anew, milliseconds. */
  readonly silenceMs: number
  /** Told each time that a stream is given up, with the reason. */
  readonly onReconnect: (why: string) => void
}

/** Answers queued before the stream is paused: bounds the memory under a slow reader. */
const HIGH_WATER = 64

/**
 * Follows a prefix over any number of streams. What the client package gets wrong (E1, E2) is settled here: the place to
 * resume is one past the last event *delivered* (or past what the server's own periodic progress notice covers), never
 * the revision of a header; older revisions are skipped; a compaction is told to the reader, who must list again.
 */
export async function* watchPrefix(
  wire: Pick<Wire, 'watch'>,
  prefix: string,
  options: WatchOptions,
  tuning: WatchTuning,
): AsyncGenerator<WatchBatch> {
  const { time } = tuning
  const range = below(prefix)
  let next = options.fromRevision
  let failures = 0
  while (!options.signal.aborted) {
    const mailbox = new Mailbox<WatchAnswer | Error>()
    const close = () => mailbox.close()
    options.signal.addEventListener('abort', close)
    let paused = false
    const stream = wire.watch(range, next, {
      answer(answer) {
        mailbox.put(answer)
        if (mailbox.size < HIGH_WATER || paused) return
        paused = true
        stream.pause()
      },
      failed: (error) => mailbox.put(error),
    })
    const stopPinging = every(time, tuning.pingMs, () => stream.ping())
    let why = ''
    try {
      while (why === '' && !options.signal.aborted) {
        const answer = await mailbox.take(time, tuning.silenceMs)
        if (paused && mailbox.size === 0) {
          paused = false
          stream.resume()
        }
        if (answer === undefined) why = `silent for ${tuning.silenceMs} ms`
        else if (answer instanceof Error) why = answer.message
        else {
          failures = 0
          const batch = toBatch(answer, next)
          if (batch?.kind === 'events' || batch?.kind === 'progress') next = Math.max(next, batch.revision + 1)
          if (batch !== undefined) yield batch
          if (batch?.kind === 'compacted') return
        }
      }
    } finally {
      stopPinging()
      stream.close()
      options.signal.removeEventListener('abort', close)
    }
    if (options.signal.aborted) return
    tuning.onReconnect(why)
    await sleep(time, backoffMs(failures++, tuning.random), options.signal)
  }
}

/** The answer as the reader may believe it, given that everything below `next` was delivered before. */
function toBatch(answer: WatchAnswer, next: number): WatchBatch | undefined {
  switch (answer.kind) {
    case 'created':
      return undefined
    case 'pong':
      return { kind: 'progress', revision: next - 1 }
    case 'progress':
      return { kind: 'progress', revision: Math.max(answer.revision, next - 1) }
    case 'compacted':
      return answer
    case 'events': {
      const events = answer.events.filter((event) => revisionOf(event) >= next)
      const last = events.at(-1)
      return last === undefined ? undefined : { kind: 'events', revision: revisionOf(last), events }
    }
  }
}

/** The revision that made the event. */
export function revisionOf(event: WatchEvent): number {
  return event.kind === 'put' ? event.entry.modRevision : event.modRevision
}

function every(time: Time, ms: number, run: () => void): () => void {
  let cancel = () => {}
  const again = () => {
    cancel = time.after(ms, () => {
      run()
      again()
    })
  }
  again()
  return () => cancel()
}
