/** A network as files have it: the words of Compose's `networks`. */
import { CidrText, driverFor, IpText, Name, parseOptions, WeftError } from '@weft/shared'
import { z } from 'zod'
import { orEmpty, TextMap } from './scalars.ts'

const SubnetFile = z.strictObject({
  subnet: CidrText,
  gateway: IpText.optional(),
  ip_range: CidrText.optional(),
  aux_addresses: z.record(z.string().min(1).max(63), IpText).default({}),
})

export const NetworkFile = z
  .strictObject({
    driver: z.string().default('overlay'),
    driver_opts: orEmpty(TextMap),
    labels: orEmpty(TextMap),
    internal: z.boolean().default(false),
    enable_ipv4: z.boolean().default(true),
    enable_ipv6: z.boolean().default(false),
    /** Without subnets they are of Weft's choice. */
    ipam: orEmpty(z.strictObject({ config: z.array(SubnetFile).max(16).default([]) })),
  })
  .superRefine((network, context) => {
    const told = (path: string, work: () => unknown) => {
      try {
        work()
      } catch (error) {
        const { what, on, why, remedy } = WeftError.from(error).parts
        const message = [on === undefined ? what : `${what} (${on})`, why].filter(Boolean).join(': ')
        context.addIssue({ code: 'custom', path: [path], message, params: { remedy } })
        return false
      }
      return true
    }
    if (told('driver', () => driverFor(network.driver)))
      told('driver_opts', () => parseOptions(driverFor(network.driver), network.driver_opts))
  })
export type NetworkFile = z.output<typeof NetworkFile>

export const NetworksFile = z.record(Name, orEmpty(NetworkFile))
export type NetworksFile = Readonly<Record<string, NetworkFile>>
