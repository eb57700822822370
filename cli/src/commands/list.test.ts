import { describe, expect, it } from 'vitest'
import { ENDPOINTS } from './endpoint/list.ts'
import { HOSTS } from './host/list.ts'
import type { List } from './list.ts'
import { NETWORKS } from './network/list.ts'
import { ROUTERS } from './router/list.ts'
import { isGroup } from './spec.ts'
import { TREE } from './tree.ts'
import { UPLINKS } from './uplink/list.ts'

/** Lists by the command that shows them; their specs are read without them, so that completion loads nothing. */
const LISTS: Readonly<Record<string, List<never>>> = {
  network: NETWORKS as List<never>,
  endpoint: ENDPOINTS as List<never>,
  host: HOSTS as List<never>,
  uplink: UPLINKS as List<never>,
  router: ROUTERS as List<never>,
}

describe('lists', () => {
  it.each(Object.entries(LISTS))('%s ls names in its help the filters that it has', (noun, list) => {
    const group = TREE.commands.find(({ name }) => name === noun)
    const ls = group && isGroup(group) ? group.commands.find(({ name }) => name === 'ls') : undefined
    const option = ls && !isGroup(ls) ? ls.options?.find(({ flags }) => flags.startsWith('-f')) : undefined
    expect(option?.hint).toEqual(Object.keys(list.filters ?? {}).map((key) => `${key}=`))
  })
})
