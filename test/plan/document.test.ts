import fs from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { buildProgram } from '../../cli/src/commands/program.ts'
import { TREE } from '../../cli/src/commands/tree.ts'
import { documentBlocks, says } from '../support/document.ts'

const ROOT = path.join(import.meta.dirname, '../..')
const PAGES = [
  'README.md',
  ...fs
    .readdirSync(path.join(ROOT, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
]

/** Lines of shell blocks that are commands of ours, without prompt, comment and `npx`. */
function weftLines(page: string): string[] {
  const text = fs.readFileSync(path.join(ROOT, page), 'utf8')
  return [...text.matchAll(/^```sh.*\n([\s\S]*?)^```$/gm)]
    .flatMap(([, body = '']) => body.split('\n'))
    .map((line) =>
      line
        .replace(/\s+#.*$/, '')
        .replace(/^npx /, '')
        .trim(),
    )
    .filter((line) => line.startsWith('weft '))
}

/** Words as a shell makes them, of the simple kind that the documents have. */
function words(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(
    ([, single, double, plain]) => single ?? double ?? plain ?? '',
  )
}

describe('the documents', () => {
  it.each(PAGES.flatMap((page) => weftLines(page).map((line) => [page, line] as const)))(
    '%s: %s',
    async (_page, line) => {
      const refuse = (error: Error): never => {
        throw error
      }
      let parsed = false
      const act = async () => {
        parsed = true
      }
      const ignore = () => undefined
      const [, ...argv] = words(line)
      const program = buildProgram(TREE, { writeOut: ignore, writeErr: ignore, width: 100, act, refuse })
      await program.parseAsync(argv, { from: 'user' })
      expect(parsed).toBe(true)
    },
  )

  it('blocks know their place, their marks and what they print', () => {
    const page =
      '# A\n\n```sh docker1 fails\nfalse\n```\n\ntext\n\n```text\nno\n```\n\n## B\n\n```sh\nnot run\n```\n\n```sh all\na\nb\n```\n'
    expect(documentBlocks(page)).toEqual([
      { section: 'A', place: 'docker1', marks: ['fails'], commands: 'false', prints: 'no' },
      { section: 'B', place: 'all', marks: [], commands: 'a\nb', prints: undefined },
    ])
  })

  it('the guide says the place of every block to a reader, too', () => {
    const guide = fs.readFileSync(path.join(ROOT, 'docs/guide.md'), 'utf8')
    const shown = [...guide.matchAll(/^```sh (\w+).*\n# on (\w+)$/gm)]
    expect(shown.map(([, place]) => place)).toEqual(documentBlocks(guide).map(({ place }) => place))
    expect(shown.filter(([, place, said]) => place !== said)).toEqual([])
  })

  it.each<[string, string, boolean]>([
    ['a\nb', 'a\nb\n', true],
    ['a\n…\nd', 'a\nb\nc\nd', true],
    ['…\nd', 'd', true],
    ['a…c', 'abc', true],
    ['a.c', 'abc', false],
    ['a', 'a\nb', false],
    ['a\n…', 'a\nb\nc', true],
    ['a b', 'a    b', true],
  ])('%j says %j: %s', (expected, printed, same) => {
    expect(says(expected, printed)).toBe(same)
  })
})
