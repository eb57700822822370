/** TCP throughput, request latency and small packets between two containers on two hosts, in interleaved rounds. */
import { execIn, type Lab } from '../../cli/src/lab/index.ts'
import { createContainer, removeContainer, startContainer, whereabouts } from './engine.ts'
import type { BenchNetwork } from './networks.ts'
import { addSample, shuffled } from './statistics.ts'

export const DATA_PLANE_TESTS = ['tcp', 'latency', 'packets'] as const
export type DataPlaneTest = (typeof DATA_PLANE_TESTS)[number]
/** Samples by test and target label; one index is one round. */
export type DataPlaneSamples = Record<DataPlaneTest, Record<string, number[]>>

/** A pair of namespaces; `prefix` enters the client's (docker1) or the server's (docker2) within its host. */
interface Target {
  readonly label: string
  readonly client: readonly string[]
  readonly server: readonly string[]
  readonly address: string
}

const PORT = { tcp: '5201', latency: '5202' }

/** Runs `rounds` rounds of `seconds` a test; stops every server and container that it started. */
export async function measureDataPlane(
  lab: Lab,
  networks: readonly BenchNetwork[],
  { rounds, seconds, onRound }: { rounds: number; seconds: number; onRound: (round: number) => void },
): Promise<DataPlaneSamples> {
  const stop = new AbortController()
  const undo: (() => Promise<void>)[] = []
  const samples: DataPlaneSamples = { tcp: {}, latency: {}, packets: {} }
  try {
    const targets: Target[] = [{ label: 'underlay', client: [], server: [], address: '10.250.0.12' }]
    for (const network of networks) targets.push(await placePair(lab, network, undo))
    const servers = targets.flatMap((target) => startServers(lab, target, stop.signal))
    await new Promise((resolve) => setTimeout(resolve, 1500))
    for (let round = 0; round < rounds; round++) {
      for (const test of DATA_PLANE_TESTS) {
        for (const target of shuffled(targets)) {
          addSample(samples[test], target.label, await MEASURE[test](lab, target, seconds))
        }
      }
      onRound(round + 1)
    }
    stop.abort()
    await Promise.all(servers)
  } finally {
    stop.abort()
    for (const step of undo.reverse()) await step()
  }
  return samples
}

async function placePair(lab: Lab, { label, network }: BenchNetwork, undo: (() => Promise<void>)[]): Promise<Target> {
  const enter: string[][] = []
  let address = ''
  for (const host of lab.hosts.slice(0, 2)) {
    const container = await createContainer(host.dockerSocket, network)
    undo.push(() => removeContainer(container))
    await startContainer(container)
    const found = await whereabouts(container, network)
    address = found.address
    enter.push(['nsenter', `--net=/proc/${found.pid}/ns/net`, '--'])
  }
  return { label, client: enter[0] as string[], server: enter[1] as string[], address }
}

function startServers(lab: Lab, target: Target, signal: AbortSignal): Promise<unknown>[] {
  const onServer = (...argv: string[]) =>
    execIn(lab, 'docker2', [...target.server, 'taskset', '-c', '1', ...argv], { signal })
  return [
    onServer('iperf3', '-s', '-B', target.address, '-p', PORT.tcp),
    onServer('sockperf', 'server', '-i', target.address, '-p', PORT.latency),
  ]
}

const MEASURE = {
  /** Gbit/s of one stream. */
  tcp: async (lab, target, seconds) => {
    const argv = ['iperf3', '-J', '-c', target.address, '-p', PORT.tcp, '-t', String(seconds)]
    const { end } = JSON.parse(await client(lab, target, argv)) as {
      end: { sum_received: { bits_per_second: number } }
    }
    return end.sum_received.bits_per_second / 1e9
  },
  /** Median round trip of a 64-byte request over UDP, microseconds. */
  latency: async (lab, target, seconds) => {
    const argv = ['sockperf', 'ping-pong', '-i', target.address, '-p', PORT.latency, '-m', '64', '-t', String(seconds)]
    const text = await client(lab, target, argv)
    const match = /percentile 50\.0+ =\s+([0-9.]+)/.exec(text)
    if (match?.[1] === undefined) throw new Error(`${target.label}: no median in ${text.slice(-400)}`)
    return Number(match[1]) * 2
  },
  /** 64-byte datagrams received a second, thousands. */
  packets: async (lab, target, seconds) => {
    const argv = [
      'iperf3',
      '-J',
      '-u',
      '-b',
      '0',
      '-l',
      '64',
      '-c',
      target.address,
      '-p',
      PORT.tcp,
      '-t',
      String(seconds),
    ]
    const { end } = JSON.parse(await client(lab, target, argv)) as {
      end: { sum: { packets: number; lost_packets: number; seconds: number } }
    }
    return (end.sum.packets - end.sum.lost_packets) / end.sum.seconds / 1000
  },
} as const satisfies Record<DataPlaneTest, (lab: Lab, target: Target, seconds: number) => Promise<number>>

async function client(lab: Lab, target: Target, argv: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await execIn(lab, 'docker1', [...target.client, 'taskset', '-c', '0', ...argv])
  if (code !== 0) throw new Error(`${target.label}: ${argv.join(' ')}: ${stderr || stdout}`)
  return stdout
}
