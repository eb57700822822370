/** The secret that controllers and agents share: NATS password and bearer of the TCP API. */
import fs from 'node:fs'
import path from 'node:path'
import { type RandomText, WeftError } from '@weft/shared'

const SECRET_LENGTH = 40

/**
 * Reads the secret; makes the file, mode 0600, when there is none. Two controllers that start at once get one secret.
 * @throws `invalid` for a file that others may read, or whose text would need quoting somewhere.
 */
export function readOrMakeSecret(file: string, randomText: RandomText): string {
  fs.mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 })
  if (!fs.existsSync(file)) {
    const own = `${file}.${process.pid}`
    fs.writeFileSync(own, `${randomText(SECRET_LENGTH)}\n`, { mode: 0o600 })
    try {
      fs.linkSync(own, file)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    } finally {
      fs.rmSync(own)
    }
  }
  const mode = fs.statSync(file).mode & 0o777
  if ((mode & 0o077) !== 0) {
    const why = `its mode is ${mode.toString(8)}`
    throw new WeftError('invalid', { what: 'secret file open to others', on: file, why, remedy: `chmod 600 ${file}` })
  }
  const secret = fs.readFileSync(file, 'utf8').trim()
  if (/^[A-Za-z0-9_-]{16,256}$/.test(secret)) return secret
  throw new WeftError('invalid', {
    what: 'bad secret file',
    on: file,
    why: 'one line of 16 to 256 of A-Z a-z 0-9 _ - is wanted',
    remedy: 'remove it to have a new one made',
  })
}
