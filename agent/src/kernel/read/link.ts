/** Rows of the kernel as links of a HostState: indexes become names, kinds are decoded by their codecs. */
import type { BridgePort, Link, LinkRef } from '@weft/shared'
import { parseBridgePort } from 'netlink/dist/rt/ifla.js'
import { codecOf, isMadeKind } from '../kinds/registry.ts'
import { isOwned, type LinkRow } from './link-row.ts'

/** The links of one netns by index, and what its nsids stand for. */
export interface NetnsLinks {
  readonly netns: string
  readonly rows: ReadonlyMap<number, LinkRow>
  /** Rows of the netns that an nsid stands for, when we read it. */
  peer(nsid: number): NetnsLinks | undefined
}

export function toLink(row: LinkRow, here: NetnsLinks): Link {
  const port = row.portKind === 'bridge' && row.portData !== undefined ? readPort(row.portData) : undefined
  const common = {
    netns: here.netns,
    name: row.name,
    mtu: row.mtu,
    mac: row.mac,
    up: row.up,
    master: here.rows.get(row.masterIndex)?.name ?? null,
    ...(port !== undefined && { port }),
    ...(row.alias !== undefined && { alias: row.alias }),
    ipv6: row.ipv6,
    ...(row.forwarding !== undefined && { forwarding: row.forwarding }),
    strictArp: row.strictArp,
    owned: isOwned(row),
  }
  if (isMadeKind(row.kind)) {
    const there = row.lowerNsid === undefined ? here : here.peer(row.lowerNsid)
    const fields = codecOf(row.kind).decode(row.kindData ?? Buffer.alloc(0), {
      lower: lowerRef(row, there),
      nameOf: (index) => there?.rows.get(index)?.name,
    })
    if (fields !== undefined) return { kind: row.kind, ...common, ...fields } as Link
  }
  return { kind: 'other', ...common, ...(row.kind !== undefined && { kernelKind: row.kind }) }
}

function lowerRef(row: LinkRow, there: NetnsLinks | undefined): LinkRef | undefined {
  const lower = there?.rows.get(row.lowerIndex)
  return there === undefined || lower === undefined ? undefined : { netns: there.netns, name: lower.name }
}

function readPort(data: Buffer): BridgePort {
  const port = parseBridgePort(data)
  return {
    ...flag('learning', port.learning),
    ...flag('flood', port.unicastFlood),
    ...flag('multicastFlood', port.mcastFlood?.[0]),
    ...flag('broadcastFlood', port.bcastFlood?.[0]),
    ...flag('isolated', port.isolated?.[0]),
    ...flag('hairpin', port.mode),
  }
}

function flag(name: keyof BridgePort, value: number | undefined): BridgePort {
  return value === undefined ? {} : { [name]: value !== 0 }
}
