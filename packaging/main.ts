/** `npm run package -- [--node PATH] [--arch amd64|arm64] [--format deb|tar|all] [--compression xz|zstd|none] [--output FOLDER]` */
import fs from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { type BuildOptions, buildPackage, buildTarball } from './build.ts'

const ROOT = path.resolve(import.meta.dirname, '..')
const ARCHITECTURES = ['amd64', 'arm64'] as const
const FORMATS = { deb: [buildPackage], tar: [buildTarball], all: [buildPackage, buildTarball] } as const
const COMPRESSIONS = ['zstd', 'xz', 'none'] as const

try {
  const { format, ...options } = readOptions()
  for (const build of FORMATS[format]) {
    const file = await build(options)
    process.stdout.write(`${path.relative(process.cwd(), file)} ${(fs.statSync(file).size / 2 ** 20).toFixed(1)} MiB\n`)
  }
} catch (error) {
  process.stderr.write(`package: ${(error as Error).message}\n`)
  process.exitCode = 1
}

function readOptions(): BuildOptions & { readonly format: keyof typeof FORMATS } {
  const { values } = parseArgs({
    options: {
      node: { type: 'string' },
      arch: { type: 'string', default: 'amd64' },
      format: { type: 'string', default: 'all' },
      compression: { type: 'string', default: 'xz' },
      output: { type: 'string', default: path.join(ROOT, 'dist-package') },
    },
  })
  return {
    root: ROOT,
    node: values.node,
    architecture: oneOf('--arch', values.arch, ARCHITECTURES),
    format: oneOf('--format', values.format, Object.keys(FORMATS) as (keyof typeof FORMATS)[]),
    compression: oneOf('--compression', values.compression, COMPRESSIONS),
    outputFolder: path.resolve(values.output),
  }
}

function oneOf<T extends string>(flag: string, value: string, allowed: readonly T[]): T {
  const found = allowed.find((each) => each === value)
  if (found === undefined) throw new Error(`${flag} ${value}: it is one of ${allowed.join(', ')}`)
  return found
}
