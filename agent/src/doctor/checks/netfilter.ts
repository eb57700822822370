/** Frames that a bridge hands to iptables: Docker's FORWARD DROP then eats what only crosses it (LAB.md). */
import { readFile } from 'node:fs/promises'
import { FABRIC_NETNS } from '@weft/shared'
import { z } from 'zod'
import { runProgram } from '../../kernel/run-program.ts'
import { hostCheck, type Verdict } from './check.ts'

interface Facts {
  /** bridge-nf-call-iptables of the fabric and of the host; undefined when br_netfilter is not loaded. */
  readonly fabric: boolean | undefined
  readonly host: boolean | undefined
  readonly underlay: string
  /** The bridge that the underlay is, or is a port of. */
  readonly bridge: string | undefined
}

const SWITCH = '/proc/sys/net/bridge/bridge-nf-call-iptables'

export const netfilter = hostCheck<Facts>({
  name: 'netfilter',
  probe: async ({ facts }) => {
    const inFabric = [`--net=/run/netns/${FABRIC_NETNS}`, '--', 'cat', SWITCH]
    const host = await orUndefined(readFile(SWITCH, 'utf8'))
    return {
      host: isOn(host),
      // Without the module neither file exists, and `cat` would fail.
      fabric: host === undefined ? undefined : isOn(await runProgram('nsenter', inFabric)),
      underlay: facts.underlay.interface,
      bridge: await bridgeOf(facts.underlay.interface),
    }
  },
  judge: ({ fabric, host, underlay, bridge }) => {
    const verdicts: Verdict[] = []
    if (fabric === true) {
      verdicts.push({
        severity: 'error',
        measured: `br_netfilter is on in the namespace ${FABRIC_NETNS}`,
        why: 'frames between containers are handed to iptables, which may drop them',
        remedy: `ip netns exec ${FABRIC_NETNS} sysctl -w net.bridge.bridge-nf-call-iptables=0`,
      })
    }
    if (host === true && bridge !== undefined) {
      verdicts.push({
        severity: 'warn',
        measured: `the underlay ${underlay} is on bridge ${bridge}, whose frames iptables sees`,
        why: "Docker's FORWARD DROP then drops what crosses that bridge, VXLAN of other machines on it included",
        remedy: 'sysctl -w net.bridge.bridge-nf-call-iptables=0',
      })
    }
    return verdicts.length > 0 ? verdicts : [{ severity: 'ok', measured: 'no bridge hands our frames to iptables' }]
  },
})

const isOn = (text: string | undefined) => (text === undefined ? undefined : text.trim() === '1')

const Links = z.array(
  z.object({
    master: z.string().optional(),
    linkinfo: z.object({ info_kind: z.string().optional(), info_slave_kind: z.string().optional() }).optional(),
  }),
)

async function bridgeOf(link: string): Promise<string | undefined> {
  const [found] = Links.parse(JSON.parse(await runProgram('ip', ['-j', '-d', 'link', 'show', 'dev', link])))
  if (found?.linkinfo?.info_kind === 'bridge') return link
  return found?.linkinfo?.info_slave_kind === 'bridge' ? found.master : undefined
}

async function orUndefined(read: Promise<string>): Promise<string | undefined> {
  try {
    return await read
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
