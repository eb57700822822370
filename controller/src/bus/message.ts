/** What both buses do alike: check what goes out, refuse what comes in broken, settle what a handler does. */
import { errorReply, WeftError } from '@weft/shared'
import { type BusCounts, type BusHandler, type BusMessage, MAX_PAYLOAD } from './bus.ts'

/** A literal subject: printable tokens between single dots. @throws `invalid` */
export function checkSubject(subject: string): void {
  if (/^[^\s.*>]+(\.[^\s.*>]+)*$/.test(subject)) return
  throw new WeftError('invalid', { what: 'not a subject', on: JSON.stringify(subject), why: 'tokens between dots' })
}

/** A subject to hear: tokens may be `*`, the last one `>`. @throws `invalid` */
export function checkPattern(pattern: string): void {
  if (/^([^\s.>]+\.)*([^\s.>]+|>)$/.test(pattern)) return
  throw new WeftError('invalid', { what: 'not a subject to hear', on: JSON.stringify(pattern) })
}

/** @throws `invalid` when the text is longer than the bus carries. */
export function checkSize(subject: string, text: string): void {
  const bytes = new TextEncoder().encode(text).length
  if (bytes <= MAX_PAYLOAD) return
  throw new WeftError('invalid', { what: 'message too long', on: subject, why: `${bytes} of ${MAX_PAYLOAD} bytes` })
}

/** Payload to text; undefined, counted and answered as an error when it is no UTF-8. */
export function decodeText(payload: Uint8Array, counts: BusCounts): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(payload)
  } catch {
    counts.garbage++
    return undefined
  }
}

/** Lets a handler answer; whatever it throws becomes the answer, is counted and told. Never rejects. */
export async function settle(
  handler: BusHandler,
  message: BusMessage,
  counts: BusCounts,
  onFailure: (subject: string, error: WeftError) => void,
): Promise<string | undefined> {
  try {
    return await handler(message)
  } catch (thrown) {
    counts.failures++
    const error = WeftError.from(thrown)
    onFailure(message.subject, error)
    return errorReply(error)
  }
}

export const NOT_UTF8 = errorReply(new WeftError('invalid', { what: 'bad message', why: 'not UTF-8 text' }))
