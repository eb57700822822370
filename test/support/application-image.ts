/**
 * An image with a web server, a cache and a database, as Debian's packages install them; kept between runs.
 * Compose files choose by their command which of them a container is.
 */
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { cacheFolder } from '../../cli/src/lab/images.ts'
import { run } from '../../cli/src/lab/run.ts'

const PACKAGES = ['lighttpd', 'redis-server', 'redis-tools', 'postgresql-15', 'postgresql-client-15', 'iputils-ping']
const SOURCES = ['/etc/apt/sources.list.d/debian.sources', '/etc/apt/sources.list']
const PROGRAM = 'mmdebstrap'

/** The image's name for `docker import`. */
export const APPLICATION_IMAGE = 'weft/application:latest'
/** Why the image cannot be made here; empty when it can. */
export const applicationLacks = fs.existsSync(`/usr/bin/${PROGRAM}`) ? '' : `needs ${PROGRAM}: npm test installs it`

/** Path of the image's tar file. */
export async function applicationImage(): Promise<string> {
  const key = createHash('sha256').update(PACKAGES.join(' ')).digest('hex').slice(0, 16)
  const tar = path.join(cacheFolder(), `application-${key}.tar`)
  if (fs.existsSync(tar)) {
    fs.utimesSync(tar, new Date(), new Date())
    return tar
  }
  fs.mkdirSync(cacheFolder(), { recursive: true })
  const folder = fs.mkdtempSync(path.join(cacheFolder(), 'build-'))
  try {
    const file = path.join(folder, 'image.tar')
    const without = ['man', 'doc', 'locale'].map((name) => `--dpkgopt=path-exclude=/usr/share/${name}/*`)
    const options = ['--quiet', '--mode=root', '--variant=minbase', `--include=${PACKAGES}`]
    const hooks = '--hook-dir=/usr/share/mmdebstrap/hooks/eatmydata'
    const apt = ['--aptopt=Acquire::Languages "none"', '--aptopt=Apt::Install-Recommends "false"']
    const source = SOURCES.find((each) => fs.existsSync(each)) ?? ''
    const argv = [PROGRAM, ...options, hooks, ...without, ...apt, 'bookworm', file, source]
    await run(argv, { timeoutMs: 400_000, env: { TMPDIR: folder } })
    fs.renameSync(file, tar)
    return tar
  } finally {
    fs.rmSync(folder, { recursive: true, force: true })
  }
}
