/** True for `localhost` and the addresses that never leave the machine (RFC 1122, RFC 4291), as a flag or URL has them. */
export function isLoopbackHost(host: string): boolean {
  const bare = host.replace(/^\[|\]$/g, '').toLowerCase()
  return bare === 'localhost' || bare === '::1' || /^127(\.\d{1,3}){3}$/.test(bare)
}
