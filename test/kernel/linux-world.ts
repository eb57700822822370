/**
 * The real kernel for tests, in a netns that the test process alone has: nothing touches the machine's own. Namespaces
 * get names of their own and are removed in `dispose`. The truth comes from iproute2 and nft.
 */
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { FABRIC_NETNS } from '@weft/shared'
import pino from 'pino'
import { unshareNetns } from '../../agent/src/kernel/libc.ts'
import { createLinuxKernel, type LinuxKernel } from '../../agent/src/kernel/linux-kernel.ts'
import type { KernelWorld } from '../conformance/kernel.ts'

export interface LinuxWorld extends KernelWorld {
  readonly kernel: LinuxKernel
  /** Name of the fabric netns, for `ip -n`. */
  readonly fabric: string
}

let worlds = 0

/** Moves the process into a new netns and opens the kernel there. */
export async function createLinuxWorld(): Promise<LinuxWorld> {
  const prefix = `weft-test-${process.pid}-${++worlds}`
  const fabric = `${prefix}-fabric`
  unshareNetns()
  run('ip', 'link', 'set', 'lo', 'up')
  const kernel = await createLinuxKernel({ fabric: 'make', fabricNetns: fabric, log: pino({ level: 'silent' }) })
  const sandboxes: string[] = []
  const inNetns = (netns: string) => {
    if (netns === '') return []
    if (netns.startsWith('/')) return ['-n', netns.replace('/run/netns/', '')]
    return ['-n', `${fabric}${netns.slice(FABRIC_NETNS.length)}`]
  }
  return {
    kernel,
    fabric,
    lacks: {
      ...(hasChildren('vlan', 'id', '1') ? {} : { vlan: 'this kernel has no 802.1Q module; proven by the rig of VMs' }),
      ...(hasChildren('ipvlan') ? {} : { ipvlan: 'this kernel has no ipvlan module; proven by the rig of VMs' }),
    },
    makeSandbox: () => {
      const name = `${prefix}-${sandboxes.length}`
      sandboxes.push(name)
      run('ip', 'netns', 'add', name)
      return `/run/netns/${name}`
    },
    removeSandbox: (path) => {
      const name = path.replace('/run/netns/', '')
      sandboxes.splice(sandboxes.indexOf(name), 1, '')
      run('ip', 'netns', 'del', name)
    },
    addNic: (name, address) => {
      run('ip', 'link', 'add', name, 'type', 'veth', 'peer', 'name', `${name}-far`)
      run('ip', 'link', 'set', `${name}-far`, 'up')
      run('ip', 'link', 'set', name, 'up')
      run('ip', 'addr', 'add', address, 'dev', name)
    },
    addForeignBridge: (name) => run('ip', 'link', 'add', name, 'type', 'bridge'),
    removeByHand: (netns, name) => run('ip', ...inNetns(netns), 'link', 'del', name),
    facts: (netns) => factsOf(inNetns(netns)),
    setForeignTable: (netns, name) => nft(inNetns(netns), 'add', 'table', 'inet', name),
    alterTable: (netns, { family, name }, chain) => nft(inNetns(netns), 'add', 'rule', family, name, chain, 'accept'),
    dispose: async () => {
      kernel.close()
      for (const name of [...sandboxes, fabric]) {
        if (name !== '' && existsSync(`/run/netns/${name}`)) run('ip', 'netns', 'del', name)
      }
    },
  }
}

/** Asks the kernel in the netns of the moment, and leaves nothing there. */
function hasChildren(...kind: string[]): boolean {
  try {
    run('ip', 'link', 'add', 'probe0', 'type', 'veth', 'peer', 'name', 'probe1')
    run('ip', 'link', 'add', 'link', 'probe0', 'name', 'probe0.1', 'type', ...kind)
    return true
  } catch {
    return false
  } finally {
    run('ip', 'link', 'del', 'probe0')
  }
}

export function run(program: string, ...argv: string[]): void {
  execFileSync(program, argv, { stdio: ['ignore', 'ignore', 'pipe'] })
}

export function json<T>(program: string, ...argv: string[]): T[] {
  return JSON.parse(execFileSync(program, argv, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }) || '[]') as T[]
}

interface IpLink {
  ifname: string
  address: string
  mtu: number
  flags: string[]
  master?: string
  ifalias?: string
  group: string
  linkinfo?: { info_kind?: string }
}

function factsOf(where: string[]): string[] {
  const links = json<IpLink>('ip', '-j', '-d', ...where, 'link').filter((link) => link.ifname !== 'lo')
  const addresses = json<{
    ifname: string
    addr_info: { local: string; prefixlen: number; scope: string }[]
  }>('ip', '-j', ...where, 'addr').filter((link) => link.ifname !== 'lo')
  const routes = ['-4', '-6'].flatMap((family) =>
    json<{ dst: string; gateway?: string; dev: string; protocol: string }>('ip', '-j', ...where, family, 'route')
      .filter((route) => route.protocol !== 'kernel')
      .map((route) => ({
        ...route,
        dst: route.dst === 'default' ? (family === '-4' ? '0.0.0.0/0' : '::/0') : route.dst,
      })),
  )
  const neighbours = json<{ dst: string; dev: string; lladdr?: string; state: string[] }>('ip', '-j', ...where, 'neigh')
  return [
    ...links.flatMap(linkFacts),
    ...addresses.flatMap(({ ifname, addr_info }) =>
      addr_info
        .filter(({ scope }) => scope !== 'link')
        .map(({ local, prefixlen }) => `address ${ifname} ${local}/${prefixlen}`),
    ),
    ...routes.map((route) => `route ${route.dst} ${route.gateway ?? '-'} ${route.dev}`),
    ...neighbours
      .filter(({ state }) => state.includes('PERMANENT'))
      .map(({ dev, dst, lladdr }) => `neighbour ${dev} ${dst} ${lladdr}`),
    ...fdbFacts(where),
    ...tableFacts(where),
  ]
}

function linkFacts(link: IpLink): string[] {
  const { ifname, address, mtu, flags, master, ifalias, group, linkinfo } = link
  const up = flags.includes('UP') ? 'up' : 'down'
  const facts = [`link ${ifname} ${linkinfo?.info_kind} ${address} mtu ${mtu} ${up} master ${master ?? '-'}`]
  if (ifalias !== undefined) facts.push(`alias ${ifname} ${ifalias}`)
  if (group !== 'default') facts.push(`group ${ifname} ${group}`)
  return facts
}

/** Entries that somebody set: towards a VTEP, or static ones of a bridge. */
function fdbFacts(where: string[]): string[] {
  const entries = json<{ mac: string; ifname: string; dst?: string; state: string; master?: string }>(
    'bridge',
    '-j',
    ...where,
    'fdb',
  )
  return entries.flatMap(({ mac, ifname, dst, state, master }) => {
    if (dst !== undefined) return [`fdb ${ifname} ${mac} ${dst}`]
    return master !== undefined && state === 'static' ? [`fdb ${ifname} ${mac} master`] : []
  })
}

interface NftObject {
  table?: { family: string; name: string }
  set?: { name: string; table: string; elem?: (string | { concat: (string | number)[] })[] }
  chain?: { name: string; table: string; hook?: string }
  rule?: { table: string; chain: string }
}

function tableFacts(where: string[]): string[] {
  const { nftables } = JSON.parse(nft(where, '-j', 'list', 'ruleset')) as { nftables: NftObject[] }
  const rulesOf = (table: string, chain: string) =>
    nftables.filter(({ rule }) => rule?.table === table && rule.chain === chain).length
  return nftables.flatMap(({ table, set, chain }) => [
    ...(table === undefined ? [] : [`table ${table.family} ${table.name}`]),
    ...(set === undefined ? [] : [`set ${set.table} ${set.name} ${(set.elem ?? []).map(elementText).sort().join()}`]),
    ...(chain === undefined
      ? []
      : [`chain ${chain.table} ${chain.name} ${chain.hook ?? '-'} ${rulesOf(chain.table, chain.name)}`]),
  ])
}

function elementText(element: string | { concat: (string | number)[] }): string {
  return typeof element === 'object' ? element.concat.join(' . ') : String(element)
}

function nft(where: string[], ...argv: string[]): string {
  const [, name] = where
  const enter = name === undefined ? [] : ['ip', 'netns', 'exec', name]
  const [program = 'nft', ...rest] = [...enter, 'nft', ...argv]
  return execFileSync(program, rest, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}
