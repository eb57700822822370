/** A bound on JSON before it is parsed: deep nesting costs stack, in the parser and in the schemas behind it. */
import { WeftError } from '@weft/shared'

/** Nesting of arrays and objects in a body; the deepest request of ours has five. */
export const DEPTH_LIMIT = 32

/** Refuses JSON text that nests deeper than {@link DEPTH_LIMIT}, without parsing it. @throws `invalid` */
export function checkDepth(json: string): void {
  let depth = 0
  let inString = false
  for (let index = 0; index < json.length; index++) {
    const char = json[index]
    if (inString) {
      if (char === '\\') index++
      else if (char === '"') inString = false
    } else if (char === '"') inString = true
    else if (char === '{' || char === '[') {
      if (++depth > DEPTH_LIMIT)
        throw new WeftError('invalid', {
          what: 'bad JSON',
          why: `it is nested deeper than ${DEPTH_LIMIT} levels`,
          remedy: 'send a flatter one',
        })
    } else if (char === '}' || char === ']') depth--
  }
}
