/** Addresses and subnets at the edges: strict text in, canonical text out. */
import { z } from 'zod'
import { WeftError } from '../errors.ts'
import { formatAddress, parseAddress } from '../ip/address.ts'
import { formatCidr, parseCidr } from '../ip/cidr.ts'

/** Any IPv4 or IPv6 address; becomes its canonical text. */
export const IpText = z
  .string()
  .transform((text, context) => canonical(text, context, (t) => formatAddress(parseAddress(t))))

/** A subnet without host bits; becomes its canonical text. */
export const CidrText = z
  .string()
  .transform((text, context) => canonical(text, context, (t) => formatCidr(parseCidr(t))))

function canonical(text: string, context: z.RefinementCtx, parse: (text: string) => string): string {
  try {
    return parse(text)
  } catch (error) {
    const { parts } = WeftError.from(error)
    context.addIssue({
      code: 'custom',
      message: [parts.what, parts.why, parts.remedy].filter(Boolean).join('; '),
      input: text,
    })
    return z.NEVER
  }
}
