/** The two sides of a probe between hosts. Each makes its end, and whatever happens takes it away again. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type DoctorProbe, type HostFacts, WeftError } from '@weft/shared'
import type { OwnMacFacts, PathFacts, TcpFacts, WireFacts } from '../checks/check.ts'
import { openNetns, type ThrowawayNetns } from '../netns.ts'
import { addressWires, limitPath, makePath, makeWire, overheadOf, type Role, talkLink } from './links.ts'
import { type OwnMacTalk, talkWithOwnMac } from './own-mac.ts'
import type { Reached } from './talk.ts'
import { startListener, talk } from './talker.ts'

export interface Ground {
  readonly facts: HostFacts
  readonly uplinks: Readonly<Record<string, string>>
}

/** How long a listener waits for its probe to end it. */
export const LISTEN_MS = 20_000
const START_MS = 6_000
const REACH_MS = 7_000
const OWN_TRIES = 25
const OWN_EVERY_MS = 100
const TCP_BYTES = 1024 * 1024
const TCP_MS = 3_000
/** Inner IP and UDP headers, bytes. */
const INNER_BYTES = 28
/** The smallest outer packet that is tried (RFC 791: what everybody takes). */
const LEAST_BYTES = 576

/** Lines that could be made, and why the others could not. Line 0 is the path. */
interface Ends {
  readonly made: readonly number[]
  readonly trouble: ReadonlyMap<number, string>
  /** Beside each wire's link, the interface itself. */
  readonly own: ReadonlyMap<number, OwnMacTalk>
}

interface End extends Ends {
  readonly netns: ThrowawayNetns
  close(): Promise<void>
}

async function openEnd(probe: DoctorProbe, role: Role, { facts, uplinks }: Ground): Promise<End> {
  const netns = await openNetns()
  const own = new Map<number, OwnMacTalk>()
  const close = () => {
    for (const talk of own.values()) talk.close()
    own.clear()
    return netns.drop()
  }
  try {
    const made: number[] = []
    const trouble = new Map<number, string>()
    for (let line = 0; line <= probe.wires.length; line++) {
      try {
        if (line === 0) await makePath(netns, probe, role, facts)
        else
          own.set(
            line,
            await talkWithOwnMac(await makeWire(netns, probe, line, role, facts, uplinks), probe, line, role),
          )
        // With the parent's own MAC there is no link of the probe's to talk over.
        if (probe.wires[line - 1]?.macs !== 'parent') made.push(line)
      } catch (error) {
        const { parts } = WeftError.from(error)
        trouble.set(line, parts.why ?? parts.what)
      }
    }
    await addressWires(
      netns,
      probe,
      made.filter((line) => line > 0),
      role,
    )
    return { netns, made, trouble, own, close }
  } catch (error) {
    await close()
    throw error
  }
}

/**
 * Answers a peer's probe until the returned function is called; ends by itself after {@link LISTEN_MS}.
 * @param onOver called when it has ended, either way; with the error when its end could not be taken away
 */
export async function answerProbe(
  probe: DoctorProbe,
  ground: Ground,
  onOver: (error?: WeftError) => void,
): Promise<() => Promise<void>> {
  const end = await openEnd(probe, 'answers', ground)
  try {
    const links = end.made.map((line) => talkLink(probe, line, 'answers'))
    const hush = await startListener(end.netns, { do: 'listen', links, forMs: LISTEN_MS }, START_MS)
    let over: Promise<void> | undefined
    const close = () => {
      clearTimeout(timer)
      over ??= hush()
        .finally(() => end.close())
        .then(
          () => onOver(),
          (thrown: unknown) => {
            const error = WeftError.from(thrown, 'end of a probe not taken away')
            onOver(error)
            throw error
          },
        )
      return over
    }
    // Whoever closes hears of the error; by its time it ends for nobody, and onOver has told it.
    const timer = setTimeout(() => close().catch(ignoreTold), LISTEN_MS)
    return close
  } catch (error) {
    await end.close()
    throw error
  }
}

/** @see answerProbe: the error has gone to onOver. */
function ignoreTold(): void {}

/** Probes a peer that answers. Never throws for what it finds. @throws when its own end cannot be made */
export async function askProbe(probe: DoctorProbe, ground: Ground): Promise<{ path: PathFacts; wires: WireFacts[] }> {
  const end = await openEnd(probe, 'asks', ground)
  try {
    const { facts } = ground
    const outer = overheadOf(facts.underlay.address) + INNER_BYTES
    const sizes = { least: LEAST_BYTES - outer, most: facts.underlay.mtu - outer }
    const links = end.made.map((line) => talkLink(probe, line, 'asks'))
    const hasPath = end.made.includes(0)
    const order = { do: 'reach', links, ...(hasPath ? { sizes } : {}) } as const
    const reached = await talk<Reached>(end.netns, order, REACH_MS)
    const at = (line: number) => reached.links[end.made.indexOf(line)]
    const path = hasPath ? await measurePath(end.netns, probe, reached, outer, facts) : noPath(end.trouble.get(0))
    await heardAll(probe, end.own)
    const wires = probe.wires.map(({ parent, networks, macs }, index): WireFacts => {
      const trouble = end.trouble.get(index + 1)
      const tagged = /\.[0-9]+$/.test(parent)
      const ownMac = end.own.get(index + 1)?.facts() ?? { heard: false, peerHeard: false }
      const asContainers = { answered: ownMac.heard && ownMac.peerHeard, heard: ownMac.heard }
      const { answered = false, heard = false } = macs === 'parent' ? asContainers : (at(index + 1) ?? {})
      return { parent, networks, macs, tagged, answered, heard, ownMac, ...(trouble === undefined ? {} : { trouble }) }
    })
    return { path, wires }
  } finally {
    await end.close()
  }
}

/** Where containers have the parent's MAC its broadcasts are all there is to go by: they get the time of an answer. */
async function heardAll(probe: DoctorProbe, own: ReadonlyMap<number, OwnMacTalk>): Promise<void> {
  const talks = [...own].filter(([line]) => probe.wires[line - 1]?.macs === 'parent').map(([, talk]) => talk)
  const isHeard = ({ heard, peerHeard }: OwnMacFacts) => heard && peerHeard
  for (let tries = 0; tries < OWN_TRIES && !talks.every((talk) => isHeard(talk.facts())); tries++)
    await sleep(OWN_EVERY_MS)
}

const noPath = (reason = 'no device was made'): PathFacts => ({ tried: false, reason })

async function measurePath(
  netns: ThrowawayNetns,
  probe: DoctorProbe,
  { links: [first], largest: payload }: Reached,
  outer: number,
  { underlay }: HostFacts,
): Promise<PathFacts> {
  const { answered = false, heard = false, peerHeard = 0 } = first ?? {}
  const link = talkLink(probe, 0, 'asks')
  const pinged = !answered && (await pings(netns, link.peer))
  const largest = payload === undefined ? undefined : payload + outer
  let tcp: TcpFacts | undefined
  if (answered) {
    const inner = (largest ?? underlay.mtu) - overheadOf(underlay.address)
    await limitPath(netns, probe, 'asks', inner)
    tcp = await talk<TcpFacts>(netns, { do: 'tcp', link, bytes: TCP_BYTES, forMs: TCP_MS }, TCP_MS + START_MS)
  }
  return { tried: true, answered, heard, peerHeard, pinged, largest, tcp }
}

/** ICMP has its checksum from the kernel, whatever the NIC does. False too where there is no ping. */
async function pings(netns: ThrowawayNetns, peer: string): Promise<boolean> {
  const ping = ['ping', '-c', '2', '-i', '0.3', '-W', '1', peer]
  const asked = netns.run(ping).then(
    () => true,
    () => false,
  )
  return await Promise.race([asked, sleep(2_500, false)])
}
