/** A Debian 12 out of packages alone, as a tree of files or a tar: what images and machines of the tests are made of. */
import fs from 'node:fs'
import { run } from '../../cli/src/lab/run.ts'

const SOURCES = ['/etc/apt/sources.list.d/debian.sources', '/etc/apt/sources.list']
const UNWANTED = ['man', 'doc', 'locale']
const APT = ['Acquire::Languages "none"', 'Acquire::Retries "5"', 'Apt::Install-Recommends "false"']
/** dpkg's fsyncs alone cost 35 s. */
const EATMYDATA = '--hook-dir=/usr/share/mmdebstrap/hooks/eatmydata'
const WITHIN_MS = 400_000

export interface DebianParts {
  readonly packages: readonly string[]
  /** Folder for what is needed on the way. */
  readonly scratch: string
  /** Further arguments of mmdebstrap. */
  readonly more?: readonly string[]
}

/** @throws with mmdebstrap's words */
export async function makeDebian(target: string, { packages, scratch, more = [] }: DebianParts): Promise<void> {
  const source = SOURCES.find((file) => fs.existsSync(file)) ?? ''
  const without = UNWANTED.map((name) => `--dpkgopt=path-exclude=/usr/share/${name}/*`)
  const options = ['--quiet', '--mode=root', '--variant=minbase', `--include=${packages}`, EATMYDATA]
  const apt = APT.map((line) => `--aptopt=${line}`)
  const argv = ['nice', 'mmdebstrap', ...options, ...without, ...apt, ...more, 'bookworm', target, source]
  await run(argv, { timeoutMs: WITHIN_MS, env: { TMPDIR: scratch } })
}
