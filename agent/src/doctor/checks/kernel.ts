/** What drivers need of the kernel, tried by making one of each in a throwaway netns: lists of modules tell less. */
import { WeftError } from '@weft/shared'
import { type HostEnv, hostCheck, type Verdict } from './check.ts'

interface Feature {
  readonly name: string
  readonly module: string
  /** Networks of this cluster that need it. */
  readonly networks: readonly string[]
  /** Weft does nothing without it. */
  readonly vital: boolean
  readonly trouble?: string
}

/** In this order: veth gives the parents of the others; macvlan and ipvlan cannot share one. */
const TRIALS = [
  { name: 'veth', module: 'veth', vital: true, link: ['name', 'v0', 'type', 'veth', 'peer', 'name', 'v1'] },
  { name: 'bridge', module: 'bridge', vital: true, link: ['name', 'b0', 'type', 'bridge'] },
  { name: 'vxlan', module: 'vxlan', vital: true, link: ['name', 'x0', 'type', 'vxlan', 'id', '1', 'dstport', '4789'] },
  { name: 'macvlan', module: 'macvlan', vital: true, link: ['link', 'v0', 'name', 'm0', 'type', 'macvlan'] },
  { name: '802.1Q', module: '8021q', vital: false, link: ['link', 'v0', 'name', 'q0', 'type', 'vlan', 'id', '5'] },
  { name: 'ipvlan', module: 'ipvlan', vital: false, link: ['link', 'v1', 'name', 'i0', 'type', 'ipvlan'] },
] as const

export const kernel = hostCheck<readonly Feature[]>({
  name: 'kernel',
  probe: (env) =>
    env.inNetns(async (netns) => {
      const features: Feature[] = []
      for (const { name, module, vital, link } of TRIALS) {
        const trouble = await troubleOf(netns.run(['ip', 'link', 'add', ...link]))
        features.push({ name, module, vital, networks: needing(env, name), ...trouble })
      }
      const table = ['nft', 'add', 'table', 'inet', 'weft_doctor']
      const trouble = await troubleOf(netns.run(table))
      features.push({ name: 'nf_tables', module: 'nf_tables', vital: true, networks: [], ...trouble })
      return features
    }),
  judge: (features) => {
    const lacking = features.filter(({ trouble }) => trouble !== undefined)
    if (lacking.length === 0)
      return [{ severity: 'ok', measured: `has ${features.map(({ name }) => name).join(', ')}` }]
    return lacking.map(verdictOf)
  },
})

function verdictOf({ name, module, networks, vital, trouble = '' }: Feature): Verdict {
  const needed = vital || networks.length > 0
  const why =
    networks.length > 0
      ? `network ${networks.join(', ')} is made of it`
      : vital
        ? 'no network can be made without it'
        : 'no network needs it yet; one with a VLAN or the ipvlan driver would'
  return {
    severity: needed ? 'error' : 'warn',
    measured: `the kernel makes no ${name}: ${trouble}`,
    why,
    remedy: `modprobe ${module} && echo ${module} > /etc/modules-load.d/weft-${module}.conf`,
  }
}

function needing({ networks }: HostEnv, name: string): string[] {
  const uses = (driver: string, parent: string) =>
    name === 'ipvlan' ? driver === 'ipvlan' : name === '802.1Q' && /\.[0-9]+$/.test(parent)
  return networks.filter((each) => uses(each.driver, each.options.parent ?? '')).map((each) => each.name)
}

async function troubleOf(trial: Promise<unknown>): Promise<{ trouble?: string }> {
  try {
    await trial
    return {}
  } catch (error) {
    return { trouble: WeftError.from(error).parts.why ?? 'refused' }
  }
}
