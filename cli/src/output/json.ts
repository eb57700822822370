/** JSON for scripts: lists are one array, streams one object a line, `inspect` an indented array as Docker's. */

export function jsonLine(value: unknown): string {
  return `${JSON.stringify(value)}\n`
}

export function jsonArray(rows: readonly unknown[]): string {
  return `${JSON.stringify(rows, null, 4)}\n`
}
