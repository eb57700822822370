/** The few pieces of Markdown that the reference is made of. */

export function heading(level: number, text: string): string {
  return `${'#'.repeat(level)} ${escapeTags(text)}\n\n`
}

export function paragraph(text: string): string {
  return `${text}\n\n`
}

export function code(text: string): string {
  return text === '' ? '' : `\`${text.replaceAll('|', '\\|')}\``
}

/** A cell's own bars are escaped, code's are by {@link code}. */
export function table(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |\n`
  return `${line(titles)}${line(titles.map(() => '---'))}${rows.map(line).join('')}\n`
}

function escapeTags(text: string): string {
  return text.replaceAll('<', '\\<')
}
