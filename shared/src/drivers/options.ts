/** From `-o key=value` to a driver's options: Docker's spellings are taken, everything unknown is refused by name. */
import type { z } from 'zod'
import { closest } from '../closest.ts'
import { WeftError } from '../errors.ts'
import { sentence } from '../finding.ts'
import type { Driver } from './driver.ts'

/** Docker's spellings that every driver takes. */
const DOCKER_ALIASES: Readonly<Record<string, string>> = { 'com.docker.network.driver.mtu': 'mtu' }
/** Options of Docker's drivers that have no meaning here. */
const DOCKER_PREFIX = 'com.docker.network.'

/** One option as help, completion and the reference show it. */
export interface OptionHelp {
  readonly name: string
  readonly aliases: readonly string[]
  readonly required: boolean
  readonly description: string
  readonly example: string
  /** Whether it can be changed while the network lives; if not, why, as "it …" goes on. */
  readonly live: boolean
  readonly fixed: string
}

/** An option before and after; undefined where it is not given. */
export interface OptionChange {
  readonly name: string
  readonly before: string | undefined
  readonly after: string | undefined
}

/** What differs between two sets of a driver's options, under the options' own names. @throws `invalid` */
export function changedOptions(
  driver: Driver,
  before: Readonly<Record<string, string>>,
  after: Readonly<Record<string, string>>,
): OptionChange[] {
  const [old, now] = [resolveOptions(driver, before), resolveOptions(driver, after)]
  return [...new Set([...Object.keys(old), ...Object.keys(now)])]
    .sort()
    .map((name) => ({ name, before: old[name], after: now[name] }))
    .filter((change) => change.before !== change.after)
}

/** Why an option of a living network cannot be changed; undefined where it can. The driver's own word. */
export function whyFixed(driver: Driver, name: string): string | undefined {
  const help = describeOptions(driver).find((option) => option.name === name)
  return help === undefined || help.live ? undefined : `it ${help.fixed}`
}

/**
 * The options under their own names, values as given; this is what a network's record keeps.
 * Throws `invalid` for an unknown option (with the nearest known one) and for one given twice under two names.
 */
export function resolveOptions(driver: Driver, given: Readonly<Record<string, string>>): Record<string, string> {
  const known = Object.keys(driver.options.shape)
  const aliases = aliasesOf(driver)
  const resolved = new Map<string, { value: string; key: string }>()
  for (const key of Object.keys(given).sort()) {
    const name = known.includes(key) ? key : aliases.get(key)
    if (name === undefined) throw unknownOption(driver, key, [...known, ...aliases.keys()])
    const value = given[key] ?? ''
    const earlier = resolved.get(name)
    if (earlier !== undefined && earlier.value !== value) {
      throw new WeftError('invalid', {
        what: 'option given twice',
        on: `${earlier.key}=${earlier.value}, ${key}=${value}`,
        why: `both set ${name}`,
        remedy: `give only ${name}`,
      })
    }
    resolved.set(name, { value, key })
  }
  return Object.fromEntries([...resolved].map(([name, { value }]) => [name, value]))
}

/** Checks and reads a driver's options; throws `invalid` with the option, its value, the rule and an example. */
export function parseOptions<O>(driver: Driver<O>, given: Readonly<Record<string, string>>): O {
  const resolved = resolveOptions(driver, given)
  const result = driver.options.safeParse(resolved)
  if (result.success) return result.data
  throw badOption(driver, resolved, result.error.issues)
}

/** Every option of a driver, in the order of its schema. */
export function describeOptions(driver: Driver): OptionHelp[] {
  const aliases = [...aliasesOf(driver)]
  return Object.entries(driver.options.shape).map(([name, field]) => {
    const help = (field as z.ZodType).meta() ?? {}
    return {
      name,
      aliases: aliases.filter(([, target]) => target === name).map(([alias]) => alias),
      required: !(field as z.ZodType).safeParse(undefined).success,
      description: help.description ?? '',
      example: String(help.example ?? ''),
      live: help.live === true,
      fixed: typeof help.fixed === 'string' ? help.fixed : 'is part of how the network’s links were made',
    }
  })
}

function aliasesOf(driver: Driver): ReadonlyMap<string, string> {
  const known = driver.options.shape
  const all = Object.entries({ ...DOCKER_ALIASES, ...driver.optionAliases })
  return new Map(all.filter(([, name]) => Object.hasOwn(known, name)))
}

function unknownOption(driver: Driver, key: string, known: readonly string[]): WeftError {
  if (key.startsWith(DOCKER_PREFIX)) {
    return new WeftError('invalid', {
      what: 'option of a driver of Docker’s own',
      on: key,
      why: `Weft’s ${driver.name} driver has no such setting`,
      remedy: `leave it out; ${driver.name} takes ${Object.keys(driver.options.shape).join(', ')}`,
    })
  }
  const near = closest(key, known)
  return new WeftError('invalid', {
    what: `unknown option of the ${driver.name} driver`,
    on: key,
    why: `it takes ${Object.keys(driver.options.shape).join(', ')}`,
    remedy: near === undefined ? 'leave it out' : `did you mean ${near}?`,
  })
}

function badOption(
  driver: Driver,
  given: Readonly<Record<string, string>>,
  issues: readonly z.core.$ZodIssue[],
): WeftError {
  const [issue] = issues
  const name = String(issue?.path[0] ?? '')
  const help = describeOptions(driver).find((option) => option.name === name)
  const write = help === undefined ? undefined : `write it like -o ${name}=${help.example}`
  if (!Object.hasOwn(given, name)) {
    return new WeftError('invalid', {
      what: `option of the ${driver.name} driver is missing`,
      on: name,
      why: help?.description ?? 'it is required',
      ...(write === undefined ? {} : { remedy: write }),
    })
  }
  const remedy = issue?.code === 'custom' ? (issue.params?.remedy as string | undefined) : undefined
  return new WeftError('invalid', {
    what: `bad option of the ${driver.name} driver`,
    on: `${name}=${shorten(given[name] ?? '')}`,
    why: sentence(issue?.message ?? 'is not understood'),
    ...((remedy ?? write) ? { remedy: remedy ?? write ?? '' } : {}),
  })
}

function shorten(text: string): string {
  return text.length > 80 ? `${text.slice(0, 79)}…` : text
}
