/**
 * MurmurHash3 x86 128 (public domain, Austin Appleby) over the UTF-8 bytes of a text: fast, pure, the same on every
 * host. It finds accidents (digests of intents, derived MACs and names); it is no defence against an adversary.
 */
export type Hash128 = readonly [number, number, number, number]

const rotl = (x: number, r: number): number => (x << r) | (x >>> (32 - r))
const C = [0x239b961b, 0xab0e9789, 0x38b34ae5, 0xa1e38b93] as const

/** Hashes text to four unsigned 32-bit words. */
export function hash128(text: string, seed = 0): Hash128 {
  const bytes = new TextEncoder().encode(text)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let [a, b, c, d] = [seed, seed, seed, seed]
  const blocks = bytes.length >>> 4
  for (let index = 0; index < blocks; index++) {
    const at = index * 16
    a = Math.imul(rotl(a ^ mix(view.getUint32(at, true), C[0], 15, C[1]), 19) + b, 5) + 0x561ccd1b
    b = Math.imul(rotl(b ^ mix(view.getUint32(at + 4, true), C[1], 16, C[2]), 17) + c, 5) + 0x0bcaa747
    c = Math.imul(rotl(c ^ mix(view.getUint32(at + 8, true), C[2], 17, C[3]), 15) + d, 5) + 0x96cd1c35
    d = Math.imul(rotl(d ^ mix(view.getUint32(at + 12, true), C[3], 18, C[0]), 13) + a, 5) + 0x32ac3b17
  }
  const tail = new Uint8Array(16)
  tail.set(bytes.subarray(blocks * 16))
  const rest = new DataView(tail.buffer)
  a ^= mix(rest.getUint32(0, true), C[0], 15, C[1])
  b ^= mix(rest.getUint32(4, true), C[1], 16, C[2])
  c ^= mix(rest.getUint32(8, true), C[2], 17, C[3])
  d ^= mix(rest.getUint32(12, true), C[3], 18, C[0])
  ;[a, b, c, d] = [a ^ bytes.length, b ^ bytes.length, c ^ bytes.length, d ^ bytes.length]
  a = a + b + c + d
  ;[b, c, d] = [b + a, c + a, d + a]
  ;[a, b, c, d] = [finish(a), finish(b), finish(c), finish(d)]
  a = a + b + c + d
  ;[b, c, d] = [b + a, c + a, d + a]
  return [a >>> 0, b >>> 0, c >>> 0, d >>> 0]
}

function mix(k: number, first: number, rotation: number, second: number): number {
  return Math.imul(rotl(Math.imul(k, first), rotation), second)
}

function finish(h: number): number {
  const once = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  const twice = Math.imul(once ^ (once >>> 13), 0xc2b2ae35)
  return twice ^ (twice >>> 16)
}
