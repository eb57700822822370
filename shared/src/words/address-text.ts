/** Addresses and subnets at the edges: strict text in, canonical text out. */
import { z } from 'zod'
import { WeftError } from '../errors.ts'
import { formatAddress, parseAddress } from '../ip/address.ts'
import { formatCidr, parseCidr, parseInterfaceAddress } from '../ip/cidr.ts'

/** Any IPv4 or IPv6 address; becomes its canonical text. */
export const IpText = z
  .string()
  .transform((text, context) => canonical(text, context, (t) => formatAddress(parseAddress(t))))

/** An address with or without prefix length, as the kernel tells of interfaces and routes; stays as it is. */
export const KernelAddressText = z
  .string()
  .max(50)
  .transform((text, context) =>
    canonical(text, context, (t) => {
      if (t.includes('/')) parseInterfaceAddress(t)
      else parseAddress(t)
      return t
    }),
  )

/** A subnet without host bits; becomes its canonical text. */
export const CidrText = z
  .string()
  .transform((text, context) => canonical(text, context, (t) => formatCidr(parseCidr(t))))

function canonical(text: string, context: z.RefinementCtx, parse: (text: string) => string): string {
  try {
    return parse(text)
  } catch (error) {
    const { parts } = WeftError.from(error)
    const { what, why, remedy } = parts
    const message = why === undefined ? what : `${what}: ${why}`
    context.addIssue({ code: 'custom', message, params: { remedy }, input: text })
    return z.NEVER
  }
}
