/** Completion scripts, man pages and the reference, made by asking the built programs. */
import { execFileSync } from 'node:child_process'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import { type Command, commandPage, programPage } from './man.ts'

const COMPLETION = {
  bash: 'usr/share/bash-completion/completions/weft',
  zsh: 'usr/share/zsh/vendor-completions/_weft',
  fish: 'usr/share/fish/vendor_completions.d/weft.fish',
} as const
/** Programs of their own pages: where each lies in the checkout, and what it does. */
const PROGRAMS = {
  controller: ['controller/dist/main.js', 'serve the API, allocate, tell every host what to make'],
  agent: ['agent/dist/main.js', 'make a host’s kernel and Docker match what the controller tells'],
  dns: ['agent/dist/dns/main.js', 'answer names in the sandboxes of a host’s containers'],
} as const

/** Hands each document to `put` by its place in the package. Throws when a program does not answer. */
export async function writeDocuments(
  root: string,
  put: (to: string, content: string | Uint8Array) => void,
  { version, date }: { readonly version: string; readonly date: Date },
): Promise<void> {
  const output = (program: string, ...args: string[]) =>
    execFileSync(process.execPath, [path.join(root, program), ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    })
  for (const [shell, file] of Object.entries(COMPLETION)) put(file, output('cli/bin/weft.js', 'completion', shell))

  const { TREE } = (await import(path.join(root, 'cli/dist/commands/tree.js'))) as { TREE: Command }
  const { CONNECTION_OPTIONS } = await import(path.join(root, 'cli/dist/commands/spec.js'))
  const edition = { version, date: date.toISOString().slice(0, 10) }
  const { referencePages } = (await import(path.join(root, 'cli/dist/reference/pages.js'))) as {
    referencePages: () => Readonly<Record<string, string>>
  }
  for (const [name, text] of Object.entries(referencePages())) put(`usr/share/doc/weft/${name}`, text)
  const page = (file: string, text: string) => put(`usr/share/man/${file}.gz`, gzipSync(text, { level: 9 }))
  page('man1/weft.1', commandPage(TREE, CONNECTION_OPTIONS, edition))
  for (const [name, [program, summary]] of Object.entries(PROGRAMS))
    page(`man8/weft-${name}.8`, programPage(`weft-${name}`, summary, output(program, '--help'), edition))
}
