/**
 * `weft doctor`: what is asked of an agent (the verb `doctor` of HOST_VERBS) and what is found.
 * A finding says what was measured, why it matters and which command mends it.
 */
import { z } from 'zod'
import { IpText } from './words/address-text.ts'
import { Name } from './words/names.ts'

/** `skipped`: could not be tried; `measured` says why. */
export const SEVERITIES = ['ok', 'warn', 'error', 'skipped'] as const

/** Bytes of an outer IP packet with DF: the largest that came back, and the largest that was tried. */
export const PathMtu = z.strictObject({
  mtu: z.number().int().min(68).max(65_535),
  tried: z.number().int().max(65_535),
})
export type PathMtu = z.infer<typeof PathMtu>

export const DoctorFinding = z.strictObject({
  check: z.string().max(64),
  severity: z.enum(SEVERITIES),
  /** The host that it is about, or the two of a pair; none for the control plane. */
  hosts: z.array(z.string()).max(2),
  measured: z.string().max(2000),
  why: z.string().max(1000).optional(),
  remedy: z.string().max(1000).optional(),
  /** Of `path-mtu`. */
  path: PathMtu.optional(),
})
export type DoctorFinding = z.infer<typeof DoctorFinding>

/** A wire that networks on it share: the parent as their option has it. */
export const DoctorWire = z.strictObject({
  parent: z.string().max(255),
  networks: z.array(z.string()).max(1000),
  /** Whose MACs its containers have, as the driver says. */
  macs: z.enum(['own', 'parent']),
  /** In the fabric, where containers are on a bridge that has the parent for a port. */
  bridge: z.string().max(15).optional(),
})
export type DoctorWire = z.infer<typeof DoctorWire>

/** Probes under way at once keep apart by their number: it makes VNI and addresses. */
export const MOST_DOCTOR_PROBES = 120

/** Wires that one probe tries. */
export const MOST_DOCTOR_WIRES = 32

/** What both hosts of a pair are told of one probe. */
export const DoctorProbe = z.strictObject({
  id: z.string().regex(/^[0-9a-z]{8,16}$/),
  number: z
    .number()
    .int()
    .min(0)
    .max(MOST_DOCTOR_PROBES - 1),
  /** The other host, and its VTEP. */
  peer: Name,
  address: IpText,
  /** The overlay port that is tried. */
  udpPort: z.number().int().min(1).max(65535),
  vni: z.number().int().min(1).max(0xffffff),
  wires: z.array(DoctorWire).max(MOST_DOCTOR_WIRES),
})
export type DoctorProbe = z.infer<typeof DoctorProbe>

export const DoctorRequest = z.discriminatedUnion('do', [
  /** Checks of the host itself. */
  z.strictObject({
    do: z.literal('host'),
    /** The controller's wall clock when it asked, milliseconds. */
    sentMs: z.number(),
    /** VTEPs of all other hosts, by name. */
    peers: z.record(z.string(), IpText),
    /** Endpoints of the cluster. */
    endpoints: z.number().int().nonnegative(),
  }),
  /** Answers probes of a peer for a few seconds. */
  z.strictObject({ do: z.literal('listen'), probe: DoctorProbe }),
  /** Probes a peer that listens. */
  z.strictObject({ do: z.literal('probe'), probe: DoctorProbe }),
  /** Ends `listen`. */
  z.strictObject({ do: z.literal('close'), id: DoctorProbe.shape.id }),
])
export type DoctorRequest = z.infer<typeof DoctorRequest>

export const DoctorReply = z.strictObject({ findings: z.array(DoctorFinding).max(2000) })
export type DoctorReply = z.infer<typeof DoctorReply>

/** Pairs that one call of the API probes; more are more calls. */
export const MOST_DOCTOR_PAIRS = 8

export const DoctorView = z.strictObject({
  /** Every host of the cluster: pairs to ask for next are made of them. */
  hosts: z.array(z.strictObject({ id: z.string(), alive: z.boolean() })),
  findings: z.array(DoctorFinding),
})
export type DoctorView = z.infer<typeof DoctorView>

export const DoctorCall = z.strictObject({
  /** None: every host, and the control plane. An empty list: no host's own checks. */
  hosts: z.array(Name).max(10_000).optional(),
  pairs: z
    .array(z.tuple([Name, Name]))
    .max(MOST_DOCTOR_PAIRS)
    .optional(),
})
export type DoctorCall = z.infer<typeof DoctorCall>
