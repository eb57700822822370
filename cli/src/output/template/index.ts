/** Go templates, as `--format` and `-f` of Docker's commands have them. */
import { WeftError } from '@weft/shared'
import { TemplateError } from './error.ts'
import { evaluate } from './evaluate.ts'
import { FUNCTIONS, HEADING_FUNCTIONS, LAZY } from './functions.ts'
import { parse } from './parse.ts'
import type { Node } from './tree.ts'
import type { Value } from './value.ts'

export { GoMap, GoStruct, GoTime, type Method, toData, type Value } from './value.ts'

export interface Template {
  /** The text for a value. @throws WeftError `invalid`: what the template asks for is not there */
  render(data: Value): string
  /** The headings of a table: as `render`, but what alters text leaves titles as they are. */
  headings(titles: Value): string
}

const KNOWN = new Set([...FUNCTIONS.keys(), ...LAZY])

/** @param flag the flag that it came with, for errors @throws WeftError `invalid` with the place */
export function compile(source: string, flag = '--format'): Template {
  const nodes: readonly Node[] = told(source, flag, () => parse(source, KNOWN))
  return {
    render: (data) => told(source, flag, () => evaluate(nodes, data)),
    headings: (titles) => told(source, flag, () => evaluate(nodes, titles, HEADING_FUNCTIONS)),
  }
}

function told<T>(source: string, flag: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error
    const before = source.slice(0, error.at).split('\n')
    const place = `line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`
    throw new WeftError('invalid', {
      what: `bad ${flag}`,
      on: source,
      why: `${error.message} (${place})`,
      remedy: 'it is a Go template, as Docker’s --format: {{.Name}}, {{json .}}',
    })
  }
}
