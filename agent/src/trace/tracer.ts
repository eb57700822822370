/** The ends of `weft trace` on this host: how an endpoint stands in its sandbox, and what is reached from there. It changes nothing. */
import { addressFromHex, formatAddress, type HostReply, type HostRequest, type TraceTry, WeftError } from '@weft/shared'
import type { Connected } from '../doctor/pair/talk.ts'
import { talk } from '../doctor/pair/talker.ts'
import { whoAnswers, withinNetns } from '../kernel/index.ts'
import { isNoSuchFile, runProgram } from '../kernel/run-program.ts'
import { parseSandbox } from '../kernel/sandbox-path.ts'
import { parseTable } from '../ports/listeners.ts'
import type { LocalRecord } from '../state/records.ts'
import type { StateStore } from '../state/store.ts'
import { echoesIn, linkIn, macIn, routeIn } from './readings.ts'

/** Two echoes at the least, also where ARP takes its time. */
const ECHO_MS = 2_000
const CONNECT_MS = 2_500
/** A program's own start beside that. */
const TALK_MS = 5_000

export interface Tracer {
  /** @throws `not_found` for an endpoint that this host does not have, or whose container does not run */
  end(request: HostRequest<'trace-end'>): Promise<HostReply<'trace-end'>>
  /** @throws as `end` */
  attempt(request: HostRequest<'trace-try'>): Promise<HostReply<'trace-try'>>
}

export function createTracer({ store }: { readonly store: Pick<StateStore, 'current'> }): Tracer {
  const open = async (uid: string) => await openSandbox(store.current.endpoints.get(uid), uid)
  return {
    end: async ({ endpoint, port }) => {
      const { record, inside } = await open(endpoint)
      const [links, snmp, snmp6] = await Promise.all([
        inside('ip', '-j', 'address', 'show'),
        inside('cat', '/proc/self/net/snmp'),
        inside('cat', '/proc/self/net/snmp6').catch(ifAbsent),
      ])
      const link = record.link === undefined ? undefined : linkIn(links, record.link)
      return {
        ...(link === undefined ? {} : { link }),
        echoes: echoesIn(snmp, snmp6),
        ...(port === undefined ? {} : { listens: await listensOn(inside, port) }),
      }
    },
    attempt: async ({ endpoint, address, port }) => {
      const { sandbox, enter, inside } = await open(endpoint)
      const [answered, tcp] = await Promise.all([
        whoAnswers([address], ECHO_MS, sandbox),
        port === undefined
          ? undefined
          : talk<Connected>({ enter }, { do: 'connect', address, port, forMs: CONNECT_MS }, TALK_MS),
      ])
      return {
        ...(await wayTo(inside, address)),
        echo: answered.length > 0,
        ...(tcp === undefined ? {} : { tcp: tcp.outcome }),
      }
    },
  }
}

type Inside = (program: string, ...argv: string[]) => Promise<string>

interface Sandbox {
  readonly record: LocalRecord
  readonly sandbox: string
  readonly enter: readonly string[]
  readonly inside: Inside
}

async function openSandbox(record: LocalRecord | undefined, uid: string): Promise<Sandbox> {
  if (record === undefined) throw new WeftError('not_found', { what: 'no such endpoint on this host', on: uid })
  const { sandbox } = record
  if (sandbox === undefined) {
    const remedy = 'start its container'
    throw new WeftError('not_found', { what: 'endpoint is in no sandbox', on: record.name ?? uid, remedy })
  }
  // Whether it is the one that was meant is seen in there.
  await withinNetns(sandbox, () => undefined)
  const enter = [`--net=${parseSandbox(sandbox).path}`, '--']
  return { record, sandbox, enter, inside: (...words) => runProgram('nsenter', [...enter, ...words]) }
}

async function wayTo(inside: Inside, address: string): Promise<Pick<TraceTry, 'route' | 'mac'>> {
  const route = await inside('ip', '-j', 'route', 'get', address).then(routeIn, ifNoWay)
  if (route === undefined) return {}
  const mac = macIn(await inside('ip', '-j', 'neighbour', 'show', 'to', route.via ?? address, 'dev', route.link))
  return { route, ...(mac === undefined ? {} : { mac }) }
}

async function listensOn(inside: Inside, port: number): Promise<string[]> {
  const tables = await Promise.all([
    inside('cat', '/proc/self/net/tcp'),
    inside('cat', '/proc/self/net/tcp6').catch(ifAbsent),
  ])
  const all = tables.flatMap((table) => parseTable(table, 'tcp')).filter((listener) => listener.port === port)
  return [...new Set(all.map(({ address }) => formatAddress(addressFromHex(address))))]
}

/** A kernel without IPv6 has no such file. */
function ifAbsent(error: unknown): string {
  if (isNoSuchFile(error)) return ''
  throw error
}

/** `ip` says so with the kernel's own words: ENETUNREACH, EHOSTUNREACH, a prohibited or blackhole route. */
function ifNoWay(error: unknown): undefined {
  if (error instanceof WeftError && error.parts.why?.includes('RTNETLINK answers') === true) return undefined
  throw error
}
