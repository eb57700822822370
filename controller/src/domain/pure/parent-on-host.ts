/** A network's parent as it is on one host, by what the host told of itself and the uplinks set for it. */
import { type ParentReference, resolveParent, WeftError } from '@weft/shared'
import type { ClusterView } from './view.ts'

export interface ParentOnHost {
  /** The interface that children are put on. */
  readonly name: string
  readonly mac: string
  /** With prefix length; a sub-interface that is still to be made has none yet. */
  readonly addresses: readonly string[]
}

/** Undefined when the host lacks what it is made from. */
export function parentOn(view: ClusterView, host: string, parent: ParentReference): ParentOnHost | undefined {
  const facts = view.facts.get(host)?.value.facts
  if (facts === undefined) return undefined
  const uplinks = Object.fromEntries(
    [...view.uplinks].flatMap(([name, hosts]) => {
      const uplink = hosts.get(host)
      return uplink === undefined ? [] : [[name, uplink.value.interface] as const]
    }),
  )
  try {
    const { top, mac } = resolveParent(parent, { underlay: facts.underlay, interfaces: facts.interfaces, uplinks })
    const { addresses } = facts.interfaces.find((link) => link.name === top.name) ?? { addresses: [] }
    return { name: top.name, mac, addresses }
  } catch (thrown) {
    const error = WeftError.from(thrown)
    if (error.code === 'not_found') return undefined
    throw error
  }
}
