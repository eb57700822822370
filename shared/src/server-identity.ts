/** Whose certificate a TLS server may show when a client was given several servers by URL. */

/**
 * Makes the check of `tls.connect` (Node's `checkServerIdentity`): the certificate must be for one of the hosts that were
 * named. Needed because the NATS client hands Node no name for a server that is named by address, and Node would then
 * check for `localhost`.
 * @param check Node's own `tls.checkServerIdentity`
 */
export function checkAnyHost<C>(
  urls: readonly string[],
  check: (host: string, certificate: C) => Error | undefined,
): (name: string, certificate: C) => Error | undefined {
  const hosts = urls.map((url) => new URL(url).hostname.replace(/^\[|\]$/g, ''))
  return (_, certificate) => {
    const errors = hosts.map((host) => check(host, certificate))
    return errors.includes(undefined) ? undefined : errors[0]
  }
}
