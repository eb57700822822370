/**
 * The resolver's place in a sandbox: sockets on 127.0.0.54 and a table that turns what is asked of 127.0.0.11, Docker's
 * resolver, to them, on whatever port: Docker's own listens on another than 53, and asked there it would answer outside
 * names to a network that has no way out. What comes from 127.0.0.54 itself is let through, so that Docker's resolver stays
 * within reach (DOCKER.md 2, T4).
 *
 * Ports are of the kernel's choice, as Docker's own are: a socket on port 53 would keep a DNS server in the container
 * from binding 0.0.0.0:53.
 *
 * Router advertisements end here as well: a container's addresses and routes come from the cluster's plan alone, and
 * settings of links are lost when Docker moves them.
 */
import { readFileSync, statfsSync } from 'node:fs'
import { WeftError } from '@weft/shared'
import { type Namespaces, openNamespaces } from '../netns.ts'
import { openNft, type RunNft } from '../nft/run-nft.ts'
import { parseSandbox } from '../sandbox-path.ts'
import { beginConnect, closeSocket, listen, openBound, type Protocol, portOf } from './inet.ts'

const OWN = '127.0.0.54'
export const DOCKER_RESOLVER = '127.0.0.11'
const TABLE = 'weft_dns'
const GUARD = 'weft_guard'
/** Before Docker's own rules in the sandbox, which are at -100 (NF_IP_PRI_NAT_DST). */
const PRIORITY = -110
/** NSFS_MAGIC (linux/magic.h): the file system of namespace files. */
const NSFS_MAGIC = 0x6e736673

/** Descriptors of a sandbox's sockets; they belong to the caller. */
export interface SandboxSockets {
  readonly udp: number
  /** Listening. */
  readonly tcp: number
  /** Bound, for questions to Docker's resolver. */
  readonly forward: number
}

export interface Sandboxes {
  /** True when a namespace is mounted at the path: Docker makes the file first. */
  isThere(path: string): boolean
  /** Opens the sockets, then turns questions to them; from then on routers' advertisements are refused, too. @throws `not_found` when the namespace is gone */
  open(path: string): SandboxSockets
  /** A TCP socket that connects to Docker's resolver. @throws `not_found` when the namespace is gone */
  connect(path: string): number
  /** Questions go to Docker's resolver again. A namespace that is gone counts as done. */
  remove(path: string): void
  /** True when the sandbox has a way out over IPv4 or IPv6. False when it is gone. */
  hasDefaultRoute(path: string): boolean
  close(): void
}

export async function openSandboxes(): Promise<Sandboxes> {
  const runNft = openNft()
  // The fabric is none of the resolver's business.
  const namespaces = await openNamespaces('/nonexistent')
  const isThere = (sandbox: string): boolean => {
    const { path, cookie } = parseSandbox(sandbox)
    return cookie === undefined ? isNamespace(path) : canEnter(namespaces, sandbox)
  }

  return {
    isThere,
    open: (path) =>
      namespaces.within(path, () => {
        const opened: number[] = []
        const bound = (protocol: Protocol) => {
          const fd = openBound(protocol, OWN)
          opened.push(fd)
          return fd
        }
        try {
          const sockets = { udp: bound('udp'), tcp: bound('tcp'), forward: bound('udp') }
          listen(sockets.tcp)
          setTables(runNft, tableScript(portOf(sockets.udp), portOf(sockets.tcp)))
          return sockets
        } catch (error) {
          for (const fd of opened) closeSocket(fd)
          throw error
        }
      }),
    connect: (path) =>
      namespaces.within(path, () => {
        const fd = openBound('tcp', OWN)
        try {
          beginConnect(fd, DOCKER_RESOLVER, 53)
          return fd
        } catch (error) {
          closeSocket(fd)
          throw error
        }
      }),
    remove: (path) => {
      if (isThere(path)) namespaces.within(path, () => runNft(clearScript()))
    },
    hasDefaultRoute: (path) => isThere(path) && namespaces.within(path, readDefaultRoute),
    close: () => namespaces.close(),
  }
}

function isNamespace(path: string): boolean {
  try {
    return statfsSync(path).type === NSFS_MAGIC
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}

function canEnter(namespaces: Namespaces, sandbox: string): boolean {
  try {
    return namespaces.within(sandbox, () => true)
  } catch (error) {
    if (error instanceof WeftError && error.code === 'not_found') return false
    throw error
  }
}

const TABLES = [`ip ${TABLE}`, `ip6 ${GUARD}`] as const

/**
 * Both tables whole, in one transaction, whether a resolver before us left them or not. Nothing is taken away where there is
 * nothing: until that is freed, whoever else alters nf_tables here would wait, and Docker is just about to.
 */
function setTables(runNft: RunNft, tables: string): void {
  try {
    runNft(`${TABLES.map((table) => `create table ${table}\n`).join('')}${tables}`)
  } catch {
    // They are there, or what else it is the other way says as well.
    runNft(`${clearScript()}${tables}`)
  }
}

function clearScript(): string {
  return TABLES.map((table) => `add table ${table}\ndelete table ${table}\n`).join('')
}

export function tableScript(udpPort: number, tcpPort: number): string {
  return `table ip ${TABLE} {
  chain output {
    type nat hook output priority ${PRIORITY}; policy accept;
    ip saddr ${OWN} accept
    ip daddr ${DOCKER_RESOLVER} meta l4proto udp dnat to ${OWN}:${udpPort}
    ip daddr ${DOCKER_RESOLVER} meta l4proto tcp dnat to ${OWN}:${tcpPort}
  }
}
table ip6 ${GUARD} {
  chain input {
    type filter hook input priority filter; policy accept;
    icmpv6 type nd-router-advert drop
  }
}
`
}

/** proc_net(5): destination and mask of all zeros, and not the IPv6 table's own unreachable entry on lo. */
function readDefaultRoute(): boolean {
  const rows = (file: string) =>
    readFileSync(`/proc/thread-self/net/${file}`, 'utf8')
      .trim()
      .split('\n')
      .map((row) => row.trim().split(/\s+/))
  const v4 = rows('route').some((row) => row[1] === '00000000' && row[7] === '00000000')
  return v4 || rows('ipv6_route').some((row) => /^0+$/.test(row[0] ?? '') && row[1] === '00' && row[9] !== 'lo')
}
