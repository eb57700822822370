/**
 * Routing between the host's interfaces, which Weft's gateways stand on: the kernel's switch for it, and room in iptables.
 *
 * Where a FORWARD chain drops what it does not know (Docker makes it so, ufw too), an accept of our own table is not the
 * last word: each table's verdict stands for itself. So rules for the names of our gateways and shims stand at the end of that chain,
 * after everything that Docker and the admin wrote (DOCKER-USER included), and take only the place of the policy. What
 * may pass between gateways and others is judged by our own table before. Where the policy is ACCEPT nothing is written.
 *
 * A host that routes IPv6 takes no router advertisements unless told so (accept_ra 2, Documentation/networking/ip-sysctl):
 * interfaces that took them go on taking them.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { type Family, interfacePrefix, WeftError } from '@weft/shared'
import { runProgram } from './run-program.ts'

const FAMILIES = {
  4: { program: 'iptables', switch: '/proc/sys/net/ipv4/ip_forward' },
  6: { program: 'ip6tables', switch: '/proc/sys/net/ipv6/conf/all/forwarding' },
} as const satisfies Record<Family, { program: string; switch: string }>

const IPV6_INTERFACES = '/proc/sys/net/ipv6/conf'
/** Waits for whoever else alters the tables. */
const LOCK = ['-w', '5'] as const
const RULES: readonly string[] = (['gateway', 'shim'] as const).flatMap((role) =>
  ['-i', '-o'].map((way) => `${way} ${interfacePrefix(role)}+ -m comment --comment weft -j ACCEPT`),
)

export interface HostForwarding {
  /** Families that are routed for our gateways, or of which rules of ours are left. `generation` of nf_tables. */
  read(generation: string): Promise<readonly Family[]>
  set(families: readonly Family[]): Promise<void>
}

/** Of the calling thread's netns. */
export function openHostForwarding(): HostForwarding {
  let wanted: readonly Family[] = []
  let known = new Map<Family, { readonly generation: string; readonly chain: ForwardChain }>()

  const chainOf = async (family: Family, generation: string): Promise<ForwardChain> => {
    const last = known.get(family)
    // Where nothing of ours is wanted, nothing of ours comes by itself.
    const isIdle = !wanted.includes(family) && last?.chain.rules.length === 0
    if (last !== undefined && (isIdle || last.generation === generation)) return last.chain
    const chain = await readChain(family)
    // Changes of iptables-legacy make no generation: such a chain is read every time.
    if (isIdle || (await makesGenerations(family))) known.set(family, { generation, chain })
    return chain
  }

  return {
    read: async (generation) => {
      const families: Family[] = []
      for (const family of [4, 6] as const) {
        const { drops, rules } = await chainOf(family, generation)
        const passes = isOn(family) && (!drops || rules.length === RULES.length)
        if (wanted.includes(family) ? passes : rules.length > 0) families.push(family)
      }
      return families
    },
    set: async (families) => {
      wanted = [...families]
      known = new Map()
      for (const family of [4, 6] as const) {
        const { drops, rules } = await readChain(family)
        const isWanted = families.includes(family)
        if (isWanted) switchOn(family)
        const change = (flag: string, rule: string) =>
          runProgram(FAMILIES[family].program, [...LOCK, flag, 'FORWARD', ...rule.split(' ')])
        for (const rule of RULES) {
          if (isWanted && drops && !rules.includes(rule)) await change('-A', rule)
          if (!isWanted && rules.includes(rule)) await change('-D', rule)
        }
      }
    },
  }
}

export interface ForwardChain {
  /** What no rule accepts is dropped. */
  readonly drops: boolean
  /** Those of ours that are there. */
  readonly rules: readonly string[]
  /** The first rule that drops whatever comes to it, where none of ours comes before. */
  readonly blocker?: string
}

/** Drops or refuses everything: no condition but the table's own name of it. */
const BLOCKS = /^-A FORWARD (-m comment --comment .* )?-j (DROP|REJECT)( --reject-with \S+)?$/

/** What `iptables -S FORWARD` prints. */
export function parseChain(listing: string): ForwardChain {
  const lines = listing.split('\n').map((line) => line.replaceAll('"', ''))
  const isOurs = (line: string) => RULES.some((rule) => line === `-A FORWARD ${rule}`)
  const first = lines.find((line) => isOurs(line) || BLOCKS.test(line))
  return {
    drops: lines.includes('-P FORWARD DROP'),
    rules: RULES.filter((rule) => lines.includes(`-A FORWARD ${rule}`)),
    ...(first === undefined || isOurs(first) ? {} : { blocker: first }),
  }
}

export async function readChain(family: Family): Promise<ForwardChain> {
  try {
    return parseChain(await runProgram(FAMILIES[family].program, [...LOCK, '-S', 'FORWARD']))
  } catch (error) {
    // Without the program nobody has made such rules; nor without the family's tables in the kernel.
    if (error instanceof WeftError && (error.code === 'unavailable' || lacksTables(error))) {
      return { drops: false, rules: [] }
    }
    throw error
  }
}

function lacksTables(error: WeftError): boolean {
  return /can't initialize|does not exist|not supported/i.test(error.parts.why ?? '')
}

async function makesGenerations(family: Family): Promise<boolean> {
  try {
    return (await runProgram(FAMILIES[family].program, ['-V'])).includes('nf_tables')
  } catch (error) {
    if (error instanceof WeftError && error.code === 'unavailable') return true
    throw error
  }
}

function isOn(family: Family): boolean {
  const file = FAMILIES[family].switch
  return existsSync(file) && readFileSync(file, 'utf8').trim() === '1'
}

/** @throws `unsupported` where the kernel has no IPv6 */
function switchOn(family: Family): void {
  const file = FAMILIES[family].switch
  if (isOn(family)) return
  if (!existsSync(file)) {
    const why = 'the kernel has no IPv6'
    throw new WeftError('unsupported', { what: 'host cannot route IPv6', on: file, why })
  }
  if (family === 6) keepAdvertisements()
  writeFileSync(file, '1')
}

function keepAdvertisements(): void {
  for (const name of readdirSync(IPV6_INTERFACES)) {
    const file = `${IPV6_INTERFACES}/${name}/accept_ra`
    if (readFileSync(file, 'utf8').trim() === '1') writeFileSync(file, '2')
  }
}
