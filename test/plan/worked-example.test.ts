/**
 * What CONTRIBUTING.md says of adding a driver, done to a copy of the package: one file, one name in the registry, and
 * the conformance suite runs on it.
 */
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Driver } from '@weft/shared'
import { afterAll, describe, expect, it } from 'vitest'
import { driverConformance } from '../conformance/driver.ts'

const ROOT = join(import.meta.dirname, '../..')
/** Below the checkout, so that the copy finds its packages; not below node_modules, where types are not stripped. */
const COPY = join(import.meta.dirname, `.worked-example-${process.pid}`)

const guide = readFileSync(join(ROOT, 'CONTRIBUTING.md'), 'utf8')
const block = /<!-- worked-example: driver -->\n```ts\n([\s\S]*?)```/.exec(guide)?.[1] ?? ''
const name = /export const (\w+): Driver/.exec(block)?.[1] ?? ''
const file = /name: '([a-z-]+)'/.exec(block)?.[1] ?? ''

mkdirSync(COPY, { recursive: true })
cpSync(join(ROOT, 'shared/src/'), COPY, { recursive: true, filter: (path) => !path.endsWith('.test.ts') })
writeFileSync(join(COPY, 'drivers', `${file}.ts`), block)
const registry = join(COPY, 'drivers/registry.ts')
const text = readFileSync(registry, 'utf8')
const edited = text
  .replace("import { overlay } from './overlay.ts'", `$&\nimport { ${name} } from './${file}.ts'`)
  .replace(/= \[overlay, /, `$&${name}, `)
writeFileSync(registry, edited)
const { driverFor } = (await import(registry)) as { driverFor(name: string): Driver }

afterAll(() => rmSync(COPY, { recursive: true, force: true }))

describe('the worked example of CONTRIBUTING.md', () => {
  it('is found under its name when file and line are there', () => {
    expect(edited).not.toBe(text)
    expect(driverFor(file).summary).not.toBe('')
  })
  driverConformance(driverFor(file), [{ title: 'on an interface', options: { parent: 'eth1' } }])
})
