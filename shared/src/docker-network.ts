/** A Docker network that an admin made on one host, as its engine tells of it: what `weft import` takes over. */
import { z } from 'zod'
import { AuxAddresses } from './intent/entry.ts'
import { CidrText, IpText } from './words/address-text.ts'
import { EndpointName, Mac, StringMap } from './words/names.ts'

export const FoundMember = z.strictObject({
  id: z.string().max(64),
  name: EndpointName,
  running: z.boolean(),
  /** What it has, IPv4 first; none when it is stopped. */
  addresses: z.array(IpText),
  mac: Mac.optional(),
  /** `--ip` and `--ip6` that it was made with. */
  ip: IpText.optional(),
  ip6: IpText.optional(),
  aliases: z.array(EndpointName),
})
export type FoundMember = z.infer<typeof FoundMember>

export const FoundDockerNetwork = z.strictObject({
  id: z.string().max(64),
  name: z.string(),
  driver: z.string(),
  internal: z.boolean(),
  options: StringMap,
  labels: StringMap,
  subnets: z.array(
    z.strictObject({
      subnet: CidrText,
      gateway: IpText.optional(),
      ipRange: CidrText.optional(),
      auxAddresses: AuxAddresses,
    }),
  ),
  members: z.array(FoundMember),
})
export type FoundDockerNetwork = z.infer<typeof FoundDockerNetwork>

/** What became of each container. */
export const TakenOver = z.strictObject({
  moved: z.array(z.string()),
  failed: z.array(z.strictObject({ name: z.string(), why: z.string().max(2000) })),
})
export type TakenOver = z.infer<typeof TakenOver>
