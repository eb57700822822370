/**
 * Where the interfaces of local endpoints are, by what is observed. Docker tells when it takes one and when it gives it
 * back, but not when it has moved it: that is seen.
 */
import { type Attachment, type HostState, isSandbox, type LinkRef } from '@weft/shared'

interface Attached {
  readonly mac: string
  readonly sharesMac?: boolean
  readonly addresses: readonly string[]
  readonly attachment: Attachment
}

/**
 * Endpoints in flight whose MAC is on a link of their sandbox become `sandbox`, with that link's name; of those that share their
 * parent's MAC, it is the link with one of their addresses. Those in their sandbox follow a link that was renamed. Endpoints whose sandbox is gone (`missing`, as an observation
 * names them) go back to in-flight, so that nothing is made in it. Others are returned as they are, the very same objects.
 */
export function confirmAttachments<E extends Attached>(
  endpoints: readonly E[],
  observed: HostState,
  missing: readonly string[] = [],
): E[] {
  const names = new Map<string, string>()
  for (const link of observed.links) {
    if (isSandbox(link.netns) && link.mac !== undefined) names.set(`${link.netns} ${link.mac.toLowerCase()}`, link.name)
  }
  for (const { netns, link, address } of observed.addresses)
    if (isSandbox(netns)) names.set(`${netns} ${address}`, link)
  const gone = new Set(missing)
  const there = new Set(observed.links.map(linkText))
  return endpoints.map((endpoint) => {
    const { attachment } = endpoint
    if (attachment.phase === 'sandbox' && gone.has(attachment.link.netns)) {
      return { ...endpoint, attachment: { phase: 'in-flight', link: attachment.link, sandbox: attachment.link.netns } }
    }
    const sandbox = sandboxOf(attachment)
    if (sandbox === undefined || (attachment.phase === 'sandbox' && there.has(linkText(attachment.link))))
      return endpoint
    const marks = endpoint.sharesMac === true ? endpoint.addresses : [endpoint.mac.toLowerCase()]
    const [name] = marks.flatMap((mark) => names.get(`${sandbox} ${mark}`) ?? [])
    if (name === undefined) return endpoint
    return { ...endpoint, attachment: { phase: 'sandbox', link: { netns: sandbox, name } } }
  })
}

function sandboxOf(attachment: Attachment): string | undefined {
  if (attachment.phase === 'in-flight') return attachment.sandbox
  return attachment.phase === 'sandbox' ? attachment.link.netns : undefined
}

function linkText({ netns, name }: LinkRef): string {
  return `${netns} ${name}`
}
