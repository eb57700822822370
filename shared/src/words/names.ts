/** The syntax of everything that a person names. */
import { z } from 'zod'

const RESERVED_NAMES = ['default', 'all', 'lo', 'dev', 'type', 'none', 'host', 'bridge', 'ingress']

/** Network, uplink and host names: a DNS label (RFC 1123), 63 characters at most. */
export const Name = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, {
    error: 'must be 1 to 63 of a-z, 0-9 and -, beginning and ending with a letter or digit',
  })
  .refine((name) => !RESERVED_NAMES.includes(name), { error: `is reserved (${RESERVED_NAMES.join(', ')})` })

/** Names of containers and their aliases, as Docker takes them. */
export const EndpointName = z.string().regex(/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}$/, {
  error: 'must begin with a letter or digit and hold only a-z, A-Z, 0-9, _, . and - (128 at most)',
})

/** A Linux interface name that an admin gives (IFNAMSIZ; dev_valid_name in net/core/dev.c), never an option or keyword. */
export const InterfaceName = z
  .string()
  .regex(/^[a-zA-Z0-9][a-zA-Z0-9_.@-]*$/, {
    error: 'must begin with a letter or digit and hold only letters, digits, _ . -',
  })
  .refine((name) => new TextEncoder().encode(name).length <= 15, { error: 'is longer than 15 bytes (IFNAMSIZ)' })

/** Generated identity of a network, subnet or endpoint: 20 base32 digits, 100 bits. */
export const Uid = z.string().regex(/^[0-9a-hjkmnp-tv-z]{20}$/, { error: 'is not a Weft id' })
export const UID_LENGTH = 20

/** Who asked, unique per wish and repeated with every retry of it. */
export const RequestId = z
  .string()
  .regex(/^[0-9a-zA-Z._:-]{8,64}$/, { error: 'is not a request id (8 to 64 of 0-9 a-z A-Z . _ : -)' })

export const Mac = z
  .string()
  .transform((mac) => mac.toLowerCase().replaceAll('-', ':'))
  .pipe(z.string().regex(/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/, { error: 'is not a MAC address like 02:00:00:00:00:01' }))
  .refine((mac) => (Number.parseInt(mac.slice(0, 2), 16) & 1) === 0, {
    error: 'is a multicast MAC; a unicast one is needed',
  })

/** Labels and options: no prototype keys, bounded. */
export const StringMap = z
  .record(z.string().min(1).max(255), z.string().max(4096))
  .refine((map) => Object.keys(map).length <= 64, { error: 'has more than 64 entries' })
  .refine((map) => !Object.keys(map).some((key) => ['__proto__', 'constructor', 'prototype'].includes(key)), {
    error: 'has a key that is not allowed (__proto__, constructor, prototype)',
  })
