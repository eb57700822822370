/** Files of the declarative layer: YAML in, checked sections out, every error with its line; and back. */
import { inspectWith, type PlacedFinding, sentence, WeftError } from '@weft/shared'
import { type Document, isNode, isPair, LineCounter, parseDocument, stringify, YAMLMap } from 'yaml'
import { z } from 'zod'
import { KINDS } from './registry.ts'

/** Sections by their key, parsed. A key that is not there is not the file's affair. */
export type Sections = Readonly<Record<string, unknown>>

const MOST_BYTES = 1_000_000
const FileSchema = z.strictObject(
  Object.fromEntries(KINDS.map(({ key, schema }) => [key, z.preprocess((value) => value ?? {}, schema).optional()])),
)

/** @param name of the file, for errors @throws `invalid` with line, path, rule and remedy of everything found */
export function parseFile(text: string, name: string): Sections {
  if (text.length > MOST_BYTES)
    throw new WeftError('invalid', {
      what: `bad ${name}`,
      on: `${text.length} bytes`,
      why: `a file has ${MOST_BYTES} at most`,
      remedy: 'part it',
    })
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, stringKeys: true })
  const at = (offset: number) => `${name}:${lines.linePos(offset).line}:${lines.linePos(offset).col}`
  const [broken] = document.errors
  if (broken !== undefined)
    throw new WeftError('invalid', {
      what: 'not YAML',
      on: at(broken.pos[0]),
      why: broken.message,
      remedy: 'correct that line',
    })
  // The keys themselves, so that what is left out of a file is told from what is left empty.
  const result = inspectWith(FileSchema, content(document, at), name)
  if ('data' in result)
    return Object.fromEntries(Object.entries(result.data).filter(([, value]) => value !== undefined))
  throw findingsError(result.findings, (path) => at(offsetOf(document, path)))
}

/** The document as plain data. @throws `invalid` for aliases without end */
function content(document: Document, at: (offset: number) => string): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 }) ?? {}
  } catch (cause) {
    const why = (cause as Error).message
    throw new WeftError('invalid', {
      what: 'not YAML',
      on: at(0),
      why,
      remedy: 'write out what aliases stand for',
      cause,
    })
  }
}

/** Every finding on a line of its own, the first one's remedy as the remedy. */
function findingsError(findings: readonly PlacedFinding[], place: (path: readonly PropertyKey[]) => string): WeftError {
  const [first] = findings
  const others = findings
    .slice(1)
    .map(
      ({ path, on, rule, remedy }) =>
        `${place(path)}: ${on}: ${sentence(rule)}${remedy === undefined ? '' : ` (${remedy})`}`,
    )
  const why = [sentence(first?.rule ?? 'is not understood'), ...others].join('\n')
  return new WeftError('invalid', {
    what: place(first?.path ?? []),
    on: first?.on ?? 'the whole',
    why,
    remedy: first?.remedy ?? 'correct it and try again',
  })
}

/** Where in the text a path is: its key; of what is not there, the nearest thing above it. */
function offsetOf(document: Document, path: readonly PropertyKey[]): number {
  for (let length = path.length; length > 0; length--) {
    const parent = length === 1 ? document.contents : document.getIn(path.slice(0, length - 1), true)
    const key = path[length - 1]
    const pair =
      parent instanceof YAMLMap
        ? parent.items.find((each) => isPair(each) && keyOf(each.key) === String(key))
        : undefined
    const node = pair?.key ?? document.getIn(path.slice(0, length), true)
    if (isNode(node) && node.range) return node.range[0]
  }
  return 0
}

function keyOf(key: unknown): string {
  return String(isNode(key) ? key.toJSON() : key)
}

/** The file of what there is: sections in the registry's order. */
export function writeFile(sections: ReadonlyMap<string, unknown>, about: string): string {
  const told = Object.fromEntries([...sections].filter(([, section]) => section !== undefined))
  const body = Object.keys(told).length === 0 ? '' : stringify(told, { lineWidth: 0, defaultStringType: 'PLAIN' })
  return `# ${about}\n${body}`
}
