/** `weft controller` and `weft agent` become those programs: their words, their signals, their exit code. */
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findProgram } from '../../cli/src/programs.ts'

const PROGRAMS = path.resolve(import.meta.dirname, '../../cli/src/programs.ts')
let root: string
beforeAll(() => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), 'weft-programs-'))
  fs.mkdirSync(path.join(root, 'agent/dist'), { recursive: true })
  fs.writeFileSync(
    path.join(root, 'agent/dist/main.js'),
    `process.on('SIGTERM', () => process.exit(41))
     process.stdin.resume()
     console.log(JSON.stringify([process.pid, ...process.argv.slice(2)]))`,
  )
})
afterAll(() => fs.rmSync(root, { recursive: true }))

describe('becomeProgram', () => {
  it('keeps process id, words, signals and exit code', async () => {
    const words = ['--help', '--', '-x', 'a b', '']
    const script = `import { becomeProgram } from ${JSON.stringify(PROGRAMS)}
      becomeProgram('agent', ${JSON.stringify(words)}, process.env, ${JSON.stringify(root)})`
    const argv = ['--conditions=source', '--input-type=module', '--eval', script]
    const child = spawn(process.execPath, argv)
    let stdout = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text
      if (stdout.endsWith('\n')) child.kill('SIGTERM')
    })
    const code = await new Promise((resolve) => child.on('close', resolve))
    expect(JSON.parse(stdout)).toEqual([child.pid, ...words])
    expect(code).toBe(41)
  })

  it('says how to build what is not built', () => {
    expect(() => findProgram('controller', root)).toThrow(/unavailable.*not built.*npm run build/)
  })
})
