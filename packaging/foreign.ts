/** node_modules for another architecture than this machine's: what the lock file names, checked by its digests. */
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'

const MANIFESTS = ['package.json', 'package-lock.json', '.npmrc']

/** Fills a folder by `npm ci`; needs the registry. Throws what npm says. */
export function installForeign(root: string, folder: string, cpu: 'x64' | 'arm64'): void {
  const { workspaces } = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8')) as {
    workspaces: string[]
  }
  for (const file of [...MANIFESTS, ...workspaces.map((name) => `${name}/package.json`)]) {
    if (!fs.existsSync(path.join(root, file))) continue
    fs.mkdirSync(path.dirname(path.join(folder, file)), { recursive: true })
    fs.copyFileSync(path.join(root, file), path.join(folder, file))
  }
  const options = ['--omit=dev', '--os=linux', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
  execFileSync('npm', ['ci', `--cpu=${cpu}`, ...options], { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] })
}
