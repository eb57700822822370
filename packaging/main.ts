/** `npm run package -- [--node PATH] [--arch amd64|arm64] [--compression xz|zstd|none] [--output FOLDER]` */
import fs from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { type BuildOptions, buildPackage } from './build.ts'

const ROOT = path.resolve(import.meta.dirname, '..')
const ARCHITECTURES = ['amd64', 'arm64'] as const
const COMPRESSIONS = ['zstd', 'xz', 'none'] as const

try {
  const deb = await buildPackage(readOptions())
  process.stdout.write(`${path.relative(process.cwd(), deb)} ${(fs.statSync(deb).size / 2 ** 20).toFixed(1)} MiB\n`)
} catch (error) {
  process.stderr.write(`package: ${(error as Error).message}\n`)
  process.exitCode = 1
}

function readOptions(): BuildOptions {
  const { values } = parseArgs({
    options: {
      node: { type: 'string' },
      arch: { type: 'string', default: 'amd64' },
      compression: { type: 'string', default: 'xz' },
      output: { type: 'string', default: path.join(ROOT, 'dist-package') },
    },
  })
  const architecture = oneOf('--arch', values.arch, ARCHITECTURES)
  const platform = architecture === 'amd64' ? 'linux-x64' : 'linux-arm64'
  return {
    root: ROOT,
    node: values.node ?? path.join(ROOT, `node_modules/node-${platform}/bin/node`),
    architecture,
    compression: oneOf('--compression', values.compression, COMPRESSIONS),
    outputFolder: path.resolve(values.output),
  }
}

function oneOf<T extends string>(flag: string, value: string, allowed: readonly T[]): T {
  const found = allowed.find((each) => each === value)
  if (found === undefined) throw new Error(`${flag} ${value}: it is one of ${allowed.join(', ')}`)
  return found
}
