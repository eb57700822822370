/** The syntax of everything that a person names. */
import { z } from 'zod'

const RESERVED_NAMES = ['default', 'all', 'lo', 'dev', 'type', 'none', 'host', 'bridge', 'ingress']

/** Network, uplink and host names: a DNS label (RFC 1123), 63 characters at most. */
export const Name = ruled(
  (name) => /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(name),
  'must be 1 to 63 of a-z, 0-9 and -, beginning and ending with a letter or digit',
  'choose a name like web or team-a',
).refine((name) => !RESERVED_NAMES.includes(name), {
  error: `is reserved, as are ${RESERVED_NAMES.join(', ')}`,
  params: { remedy: 'choose a name like web or team-a' },
})

/** Names of containers and their aliases, as Docker takes them. */
export const EndpointName = ruled(
  (name) => /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}$/.test(name),
  'must begin with a letter or digit and hold only a-z, A-Z, 0-9, _, . and - (128 at most)',
  'choose a name like web-1',
)

/** A Linux interface name that an admin gives (IFNAMSIZ; dev_valid_name in net/core/dev.c), never an option or keyword. */
export const InterfaceName = ruled(
  (name) => /^[a-zA-Z0-9][a-zA-Z0-9_.@-]*$/.test(name),
  'must begin with a letter or digit and hold only letters, digits, _ . - and @',
  'name an interface as ip link shows it, like eth1',
).refine((name) => new TextEncoder().encode(name).length <= 15, {
  error: 'is longer than 15 bytes, the most that Linux takes (IFNAMSIZ)',
  params: { remedy: 'name an interface as ip link shows it, like eth1' },
})

/** Generated identity of a network, subnet or endpoint: 20 base32 digits, 100 bits. */
export const Uid = ruled(
  (uid) => /^[0-9a-hjkmnp-tv-z]{20}$/.test(uid),
  'is not an id of Weft (20 of 0-9 and a-z without i, l, o and u)',
  'copy it from weft network ls --no-trunc or weft endpoint ls --no-trunc',
)
export const UID_LENGTH = 20

/** Who asked, unique per wish and repeated with every retry of it. */
export const RequestId = ruled(
  (id) => /^[0-9a-zA-Z._:-]{8,64}$/.test(id),
  'is not a request id (8 to 64 of 0-9 a-z A-Z . _ : -)',
  'make one up for every wish, and send it again with every retry',
)

export const Mac = z
  .string()
  .transform((mac) => mac.toLowerCase().replaceAll('-', ':'))
  .pipe(
    ruled(
      (mac) => /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(mac),
      'is not a MAC address',
      'write it like 02:00:00:00:00:01',
    ),
  )
  .refine((mac) => (Number.parseInt(mac.slice(0, 2), 16) & 1) === 0, {
    error: 'is a multicast MAC address; an interface needs a unicast one',
    params: { remedy: 'write one like 02:00:00:00:00:01' },
  })

/** Keys that name parts of every object in JavaScript: refused everywhere, needed nowhere. */
export const PROTOTYPE_KEYS: readonly string[] = ['__proto__', 'constructor', 'prototype']
const MOST_ENTRIES = 64

/**
 * A map from text that people name things by; no prototype keys, bounded. zod drops `__proto__` without a word:
 * `parseWith` refuses that before.
 */
export function namedMap<V extends z.ZodType>(value: V, longestKey: number) {
  return z
    .record(z.string().min(1).max(longestKey), value)
    .refine((map) => Object.keys(map).length <= MOST_ENTRIES, {
      error: `has more than ${MOST_ENTRIES} entries`,
      params: { remedy: 'give fewer' },
    })
    .refine((map) => !Object.keys(map).some((key) => PROTOTYPE_KEYS.includes(key)), {
      error: `has a key that is not allowed (${PROTOTYPE_KEYS.join(', ')})`,
      params: { remedy: 'choose another key' },
    })
}

/** Labels and options. */
export const StringMap = namedMap(z.string().max(4096), 255)

/** A text under a rule; `error` continues a sentence that begins with the value. */
function ruled(test: (text: string) => boolean, error: string, remedy: string) {
  return z.string().refine(test, { error, params: { remedy }, abort: true })
}
