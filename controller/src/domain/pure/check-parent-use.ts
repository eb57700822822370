/** Networks on one parent must use it alike: the kernel takes macvlan or ipvlan children, and one ipvlan mode and flag. */
import { type Driver, driverFor, type ParentReference, parseOptions, WeftError } from '@weft/shared'
import { parentOn } from './parent-on-host.ts'
import type { ClusterView } from './view.ts'

interface Use {
  readonly parent: ParentReference
  readonly use: string
}

/** @throws `conflict` naming the network that has the parent in another way, and on which host */
export function checkParentUse(view: ClusterView, driver: Driver, options: Readonly<Record<string, string>>): void {
  const wanted = useOf(driver, options)
  if (wanted === undefined) return
  for (const { value } of view.networks.values()) {
    const other = useOf(driverFor(value.driver), value.options)
    if (other === undefined || other.use === wanted.use) continue
    const where = meeting(view, wanted.parent, other.parent)
    if (where === undefined) continue
    throw new WeftError('conflict', {
      what: 'parent is in use in another way',
      on: wanted.parent.text,
      why: `network ${value.name} has ${where} for ${other.use}, and the kernel takes no ${wanted.use} beside it`,
      remedy: `use another interface or VLAN, or make the network as ${value.name} is: ${other.use}`,
    })
  }
}

function useOf(driver: Driver, given: Readonly<Record<string, string>>): Use | undefined {
  const options = parseOptions(driver, given)
  const [parent, use] = [driver.parent(options), driver.parentUse(options)]
  return parent === undefined || use === undefined ? undefined : { parent, use }
}

/** The interface that is both, on some host; what is written alike is so even where no host has it yet. */
function meeting(view: ClusterView, a: ParentReference, b: ParentReference): string | undefined {
  if (a.text === b.text) return a.text
  for (const host of [...view.facts.keys()].sort()) {
    const [own, other] = [parentOn(view, host, a)?.name, parentOn(view, host, b)?.name]
    if (own !== undefined && own === other) return `${own} of ${host}`
  }
  return undefined
}
