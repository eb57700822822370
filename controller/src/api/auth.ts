/** Who may speak over TCP: whoever shows the cluster's secret. The unix socket is guarded by its file mode. */
import { createHash, timingSafeEqual } from 'node:crypto'
import { WeftError } from '@weft/shared'

/** @param header value of `Authorization`; compared in constant time. @throws `denied` */
export function checkBearer(header: string | undefined, secret: string): void {
  const given = /^Bearer ([^\s]+)$/.exec(header ?? '')?.[1]
  if (given !== undefined && timingSafeEqual(sha256(given), sha256(secret))) return
  throw new WeftError('denied', {
    what: 'not authorised',
    why: given === undefined ? 'no bearer secret in the request' : 'the secret is another one',
    remedy: "use the controller's secret file (--secret-file), or its unix socket on its own machine",
  })
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
