/** The kinds of driver options: text from `-o key=value` in, a checked value out. Descriptions and examples are the help. */
import { z } from 'zod'
import { WeftError } from '../errors.ts'
import type { EGRESS_MODES, Egress } from '../intent/entry.ts'
import { parseParent } from './parent.ts'

/** Largest and smallest MTU that Linux takes on these links (RFC 791: 68; IFLA_MTU of virtual links: 65535). */
export const MTU_RANGE = { min: 68, max: 65535 } as const

interface Help {
  readonly description: string
  /** A value that works, for help and remedies. */
  readonly example: string
  /** It can be changed while the network lives, running containers included: the next reconcile does it. */
  readonly live?: true
  /** Why it cannot, where it cannot; continues a sentence: "it …". */
  readonly fixed?: string
}

/** A decimal number without sign or leading zero. */
export function integerOption(range: { readonly min: number; readonly max: number }, help: Help) {
  const rule = `must be a number from ${range.min} to ${range.max}`
  return z
    .string()
    .regex(/^(0|[1-9][0-9]{0,8})$/, { error: rule })
    .transform(Number)
    .refine((value) => value >= range.min && value <= range.max, { error: rule })
    .optional()
    .meta({ ...help })
}

export function choiceOption<const C extends readonly [string, ...string[]]>(choices: C, help: Help) {
  return z
    .enum(choices, { error: `must be one of ${choices.join(', ')}` })
    .optional()
    .meta({ ...help })
}

/** `true` or `false`, as Docker's boolean options. */
export function flagOption(help: Help) {
  return z
    .enum(['true', 'false'], { error: 'must be true or false' })
    .transform((text) => text === 'true')
    .optional()
    .meta({ ...help })
}

/** Required as it stands; see {@link optionalParentOption}. */
export function parentOption(description: string) {
  return ParentText.meta({ description, ...PARENT })
}

export function optionalParentOption(description: string) {
  return ParentText.optional().meta({ description, ...PARENT })
}

const PARENT = { example: 'eth1.100', fixed: 'is where the running containers’ interfaces were made' } as const

const ParentText = z.string().transform((text, context) => {
  try {
    return parseParent(text)
  } catch (error) {
    const { what, on, why, remedy } = WeftError.from(error).parts
    const named = on === undefined || on === text ? what : `${what} (${on})`
    const message = why === undefined ? named : what.startsWith('bad ') ? why : `${named}: ${why}`
    context.addIssue({ code: 'custom', message, params: { remedy } })
    return z.NEVER
  }
})

/** Docker's `com.docker.network.bridge.enable_icc`. */
export const iccOption = (how: Pick<Help, 'live' | 'fixed'>) =>
  flagOption({ description: 'Whether the network’s containers reach one another', example: 'false', ...how })

export const spoofCheckOption = () =>
  choiceOption(['on', 'off'], {
    description:
      'Drop what a container sends with another’s MAC or IP address; off for floating addresses (keepalived)',
    example: 'off',
    live: true,
  })

/** What the two options say, as ports want it. */
export function portRules(options: {
  readonly icc?: boolean | undefined
  readonly spoof_check?: 'on' | 'off' | undefined
}) {
  return { parted: options.icc === false, guarded: options.spoof_check !== 'off' }
}

export const ICC_ALIASES = { 'com.docker.network.bridge.enable_icc': 'icc' } as const

export const mtuOption = () =>
  integerOption(MTU_RANGE, { description: 'MTU of the containers’ interfaces, bytes', example: '1400', live: true })

export const hostAccessOption = () =>
  flagOption({
    description: 'Give each host an interface and address of its own, so that it reaches the containers',
    example: 'true',
    live: true,
  })

export const natOption = () =>
  flagOption({
    description: 'With egress=weft: false = routed, so that addresses go out as they are and are reached from there',
    example: 'false',
    live: true,
  })

export function egressOption<const C extends readonly [Egress, ...Egress[]]>(choices: C) {
  const meaning: Record<(typeof EGRESS_MODES)[number], string> = {
    docker: 'docker = Docker’s own gateway bridge (SNAT, -p)',
    gateway: 'gateway = the subnet’s gateway',
    weft: 'weft = through its own host, by a gateway that every host answers for',
    none: 'none = no way out',
  }
  return choiceOption(choices, {
    description: `Way out of the network: ${choices.map((choice) => meaning[choice]).join(', ')}`,
    example: choices[0],
    live: true,
  })
}

/** What the drivers of a wire that the hosts share have in common. */
export const wireOptions = () => ({
  parent: parentOption('Interface, VLAN sub-interface or @uplink that carries the network, on every host'),
  mtu: mtuOption(),
  host_access: hostAccessOption(),
  icc: iccOption({ fixed: 'is the mode of the running containers’ interfaces' }),
  spoof_check: spoofCheckOption(),
  egress: egressOption(['gateway', 'docker', 'none']),
})
