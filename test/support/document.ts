/** Commands of a page of the documents, and what they are said to print. Pure. */

export interface DocumentBlock {
  /** The heading above it. */
  readonly section: string
  /** Where it is typed: `controller`, `docker1`, … */
  readonly place: string
  /** What follows the place: `fails`, `vlan`. */
  readonly marks: readonly string[]
  /** Without the comment that says the place to a reader. */
  readonly commands: string
  /** The text block after it, before the next commands. */
  readonly prints: string | undefined
}

const FENCE = /^```(\w*) ?(.*)\n([\s\S]*?)^```$|^#+ (.*)$/gm

/** The shell blocks that say where they are typed, in order. */
export function documentBlocks(markdown: string): DocumentBlock[] {
  const blocks: DocumentBlock[] = []
  let section = ''
  for (const [, language, info = '', body = '', heading] of markdown.matchAll(FENCE)) {
    if (heading !== undefined) section = heading
    const [place, ...marks] = info.split(' ').filter((word) => word !== '')
    const last = blocks.at(-1)
    if (language === 'sh' && place !== undefined)
      blocks.push({ section, place, marks, commands: body.replace(/^# on .*\n/, '').trim(), prints: undefined })
    else if (language === 'text' && last?.prints === undefined && last !== undefined)
      blocks[blocks.length - 1] = { ...last, prints: body.trimEnd() }
  }
  return blocks
}

/**
 * Whether a page's text block says what was printed: `…` stands for anything in a line, and alone for any lines. Columns may
 * be wider.
 */
export function says(expected: string, printed: string): boolean {
  const lines = expected.split('\n').map((line) => {
    if (line.trim() === '…') return '(?:.*\\n)*?'
    return `${line.split('…').map(pattern).join('.*')}[ \\t]*\\n`
  })
  return new RegExp(`^${lines.join('')}$`).test(`${printed.trimEnd()}\n`)
}

function pattern(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/ +/g, ' +')
}
