/** What the host tells of itself, out of the kernel's interfaces and routes and the flags. */
import { formatAddress, type HostFacts, type InterfaceFact, parseInterfaceAddress, WeftError } from '@weft/shared'

export interface FactSources {
  readonly hostname: string
  readonly kernel: string
  readonly agentVersion: string
  readonly dockerVersion: string | undefined
  readonly interfaces: readonly InterfaceFact[]
  readonly routes: readonly string[]
  /** Interface of the flags, and the address to use on it; its first global one when undefined. */
  readonly underlay: string
  readonly vtep: string | undefined
}

/** @throws `unavailable` while the underlay interface or its address is not there */
export function describeHost(sources: FactSources): HostFacts {
  const { hostname, kernel, agentVersion, dockerVersion, interfaces, routes, underlay, vtep } = sources
  const found = interfaces.find(({ name }) => name === underlay)
  const missing = (what: string, on: string, why: string) =>
    new WeftError('unavailable', { what, on, why, remedy: 'bring it up, or name another with --underlay and --vtep' })
  if (found === undefined) {
    const names = interfaces.map(({ name }) => name).join(', ') || 'none'
    throw missing('underlay interface is missing', underlay, `the host has ${names}`)
  }
  const addresses = found.addresses.map((text) => formatAddress(parseInterfaceAddress(text).address))
  const ours =
    vtep ?? addresses.find((text) => !text.includes(':')) ?? addresses.find((text) => !text.startsWith('fe80:'))
  if (ours === undefined || !addresses.includes(ours)) {
    throw missing('underlay has no VTEP address', vtep ?? underlay, `${underlay} has ${addresses.join(', ') || 'none'}`)
  }
  return {
    hostname,
    kernel,
    agentVersion,
    ...(dockerVersion === undefined ? {} : { dockerVersion }),
    interfaces: [...interfaces],
    routes: [...routes],
    underlay: { interface: underlay, address: ours, mtu: found.mtu },
  }
}

/** Reads once, and again after a ring or when that is long ago: a dump of links waits for whoever alters links. */
export function rememberUntilRung<T>(options: {
  readonly read: () => T
  readonly nowMs: () => number
  readonly mostMs: number
}): { readonly get: () => T; readonly rung: () => void } {
  const { read, nowMs, mostMs } = options
  let known: { readonly value: T; readonly atMs: number } | undefined
  return {
    get: () => {
      if (known === undefined || nowMs() - known.atMs >= mostMs) {
        // Before it is read: what changes meanwhile rings later.
        const atMs = nowMs()
        known = { value: read(), atMs }
      }
      return known.value
    },
    rung: () => {
      known = undefined
    },
  }
}
