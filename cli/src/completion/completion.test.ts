import { execFileSync, spawnSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { TREE } from '../commands/tree.ts'
import { bashScript } from './bash.ts'
import { fishScript } from './fish.ts'
import { completionTable } from './table.ts'
import { zshScript } from './zsh.ts'

const entries = completionTable(TREE)
const has = (program: string) => spawnSync(program, ['-c', 'true']).status === 0
/** A `weft` that knows two networks and says with which words it was called. */
const FAKE = 'weft() { [[ "$*" == "completion bash --words networks" ]] && printf "mynet\\nother\\n"; }'

function complete(...words: string[]): string[] {
  const quoted = ['weft', ...words].map((word) => `'${word}'`).join(' ')
  const script = `${FAKE}\n${bashScript(entries)}\nCOMP_WORDS=(${quoted}); COMP_CWORD=${words.length}; _weft\nprintf '%s\\n' "\${COMPREPLY[@]}"`
  const text = execFileSync('bash', ['-c', script], { encoding: 'utf8' })
  return text.split('\n').filter((word) => word !== '')
}

describe('bash', () => {
  it('is valid', () => {
    const { status, stderr } = spawnSync('bash', ['-n'], { input: bashScript(entries), encoding: 'utf8' })
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  })

  it.each([
    [['net'], ['network']],
    [
      ['uplink', ''],
      ['set', 'unset', 'ls'],
    ],
    [['network', 'create', '--sub'], ['--subnet']],
    [
      ['network', 'create', '-d', 'x', '--in'],
      ['--internal', '--insecure'],
    ],
    [
      ['network', 'ls', '--format', ''],
      ['table', 'json'],
    ],
    [['network', 'list', '--no'], ['--no-trunc']],
    [
      ['network', 'rm', ''],
      ['mynet', 'other'],
    ],
    [['network', 'rm', 'mynet', 'o'], ['other']],
    [['endpoint', 'ls', '--network', 'my'], ['mynet']],
    [
      ['completion', ''],
      ['bash', 'zsh', 'fish'],
    ],
    [['--con'], ['--controller']],
    [['lab', 'exec', 'docker1', '--', 'do'], []],
    [['controller', '--emb'], []],
  ])('%j', (words, expected) => {
    expect(complete(...words)).toEqual(expected)
  })
})

describe.skipIf(!has('zsh'))('zsh (needs zsh)', () => {
  it('is valid', () => {
    const { status, stderr } = spawnSync('zsh', ['-n'], { input: zshScript(entries), encoding: 'utf8' })
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  })
})

describe.skipIf(!has('fish'))('fish (needs fish)', () => {
  it('is valid', () => {
    const { status, stderr } = spawnSync('fish', ['-n'], { input: fishScript(entries), encoding: 'utf8' })
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  })
})

describe('all shells', () => {
  it.each([
    ['zsh', zshScript(entries)],
    ['fish', fishScript(entries)],
    ['bash', bashScript(entries)],
  ])('%s knows every command and every option, and no hidden one', (shell, script) => {
    for (const { path, options } of entries) {
      expect(script).toContain(`'${path}'`.replaceAll("'", shell === 'fish' ? '' : "'"))
      for (const name of options.flatMap(({ names }) => names)) expect(script).toContain(name.replace(/^--?/, ''))
    }
    expect(entries.flatMap(({ options }) => options.flatMap(({ names }) => names))).not.toContain('--words')
  })
})
