/** Values of files: what YAML reads as a number or a truth value is text to a driver, and nothing at all is an empty map. */
import { StringMap } from '@weft/shared'
import { z } from 'zod'

const Scalar = z.preprocess(
  (value) => (typeof value === 'number' || typeof value === 'boolean' ? String(value) : value),
  z.string(),
)

/** `mtu: 1400` is as good as `mtu: "1400"`. */
export const TextMap = z.record(z.string(), Scalar).pipe(StringMap)

/** `mynet:` with nothing behind it. */
export function orEmpty<S extends z.ZodType>(schema: S) {
  return z.preprocess((value) => value ?? {}, schema)
}

/** A map without what is empty, undefined when nothing is left: how export leaves out what need not be said. */
export function unlessEmpty<T extends object>(map: T): T | undefined {
  return Object.keys(map).length === 0 ? undefined : map
}

/** Without the fields that are undefined. */
export function told(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
}
