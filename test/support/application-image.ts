/**
 * An image with a web server, a cache and a database, as Debian's packages install them; kept between runs.
 * Compose files choose by their command which of them a container is.
 */
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { cacheFolder } from '../../cli/src/lab/images.ts'
import { makeDebian } from './make-debian.ts'

const PACKAGES = ['lighttpd', 'redis-server', 'redis-tools', 'postgresql-15', 'postgresql-client-15', 'iputils-ping']
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
    await makeDebian(file, { packages: PACKAGES, scratch: folder })
    fs.renameSync(file, tar)
    return tar
  } finally {
    fs.rmSync(folder, { recursive: true, force: true })
  }
}
