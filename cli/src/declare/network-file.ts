/** A network as files have it: the words of Compose's `networks`. */
import { CidrText, driverFor, IpText, Name, parseOptions, WeftError } from '@weft/shared'
import { z } from 'zod'
import { orEmpty, TextMap } from './scalars.ts'

const about = (description: string) => ({ description })

const SubnetFile = z.strictObject({
  subnet: CidrText.meta(about('`10.20.0.0/24`, `fd20::/64`')),
  gateway: IpText.optional().meta(about('the first address that is free when left out')),
  ip_range: CidrText.optional().meta(about('addresses are chosen there; everywhere when left out')),
  aux_addresses: z
    .record(z.string().min(1).max(63), IpText)
    .default({})
    .meta(about('by name, addresses that are never given out')),
})

export const NetworkFile = z
  .strictObject({
    driver: z.string().default('overlay').meta(about('see the drivers')),
    driver_opts: orEmpty(TextMap).meta(about('the driver’s options')),
    labels: orEmpty(TextMap).meta(about('all of them; others are taken away')),
    internal: z.boolean().default(false).meta(about('no way to the outside')),
    enable_ipv4: z.boolean().default(true).meta(about('false: IPv6 alone')),
    enable_ipv6: z.boolean().default(false).meta(about('with IPv6, without a subnet of it one is chosen')),
    ipam: orEmpty(
      z.strictObject({
        config: z.array(SubnetFile).max(16).default([]).meta(about('the subnets; of Weft’s choice when left out')),
      }),
    ),
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
