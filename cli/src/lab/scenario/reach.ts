/** Containers on both hosts reach each other: addresses, pings, a transfer, the full MTU. */
import type { Lab } from '../record.ts'
import { type Check, expect, inspected, on, pings, reaches, runContainer } from './check.ts'
import { DUAL, OVERLAY, WIRE } from './networks.ts'

/** One container of each network on each of the first two hosts: `<network>-1` on docker1, `<network>-2` on docker2. */
const NETWORKS = [OVERLAY.name, WIRE.name, DUAL.name]
const SIDES = [
  { host: 'docker1', number: 1 },
  { host: 'docker2', number: 2 },
] as const

async function addressesOf(lab: Lab, network: string) {
  return await Promise.all(SIDES.map(({ host, number }) => inspected(lab, host, `${network}-${number}`, network)))
}

async function pingBothWays(lab: Lab, network: string): Promise<string> {
  const [one, two] = await addressesOf(lab, network)
  expect(one !== undefined && two !== undefined, 'both containers have addresses', [one, two])
  const pairs = [[one.IPAddress, two.IPAddress]]
  if (one.GlobalIPv6Address !== '') pairs.push([one.GlobalIPv6Address, two.GlobalIPv6Address])
  for (const [first = '', second = ''] of pairs) {
    await reaches(lab, 'docker1', `${network}-1`, second)
    await reaches(lab, 'docker2', `${network}-2`, first)
  }
  return pairs.map((pair) => pair.join(' <-> ')).join(', ')
}

/** docker1 serves 64 MiB of noise over HTTP, docker2 fetches them: a plain TCP stream with an end that both sides know. */
async function transfer(lab: Lab, network: string): Promise<string> {
  const [one] = await addressesOf(lab, network)
  expect(one !== undefined, 'the sender has an address', one)
  const serve =
    'head -c 67108864 /dev/urandom > /tmp/payload && busybox httpd -p 5001 -h /tmp && sha256sum < /tmp/payload'
  const sent = await on(lab, 'docker1', 'docker', 'exec', `${network}-1`, 'sh', '-c', serve)
  const fetch = 'curl -sS --fail --max-time 60 "$0" | sha256sum'
  const began = performance.now()
  const url = `http://${one.IPAddress}:5001/payload`
  const received = await on(lab, 'docker2', 'docker', 'exec', `${network}-2`, 'sh', '-c', fetch, url)
  expect(sent === received && sent.length >= 64, 'the checksums of 64 MiB agree', { sent, received })
  return `64 MiB, sha256 ${sent.slice(0, 12)}…, ${((performance.now() - began) / 1000).toFixed(2)} s`
}

async function fullMtu(lab: Lab, network: string): Promise<string> {
  const [, two] = await addressesOf(lab, network)
  expect(two !== undefined, 'the peer has an address', two)
  const text = await on(lab, 'docker1', 'docker', 'exec', `${network}-1`, 'cat', '/sys/class/net/eth0/mtu')
  const mtu = Number(text)
  const ping = (bytes: number) => {
    return pings(lab, 'docker1', `${network}-1`, two.IPAddress, '-M', 'do', '-s', String(bytes - 28))
  }
  expect(await ping(mtu), `a packet of ${mtu} bytes with DF arrives`, 'loss')
  expect(!(await ping(mtu + 1)), `a packet of ${mtu + 1} bytes with DF is refused`, 'it arrived')
  return `${mtu} bytes pass, ${mtu + 1} do not`
}

export const REACH_CHECKS: readonly Check[] = [
  {
    name: 'docker run on both hosts',
    async run(lab) {
      const runs = SIDES.flatMap(({ host, number }) =>
        NETWORKS.map((network) => runContainer(lab, host, `${network}-${number}`, network)),
      )
      return `${(await Promise.all(runs)).length} containers`
    },
  },
  {
    name: 'addresses are unique across hosts',
    async run(lab) {
      const all = (await Promise.all(NETWORKS.map((network) => addressesOf(lab, network)))).flat()
      const addresses = all.flatMap((one) => [one.IPAddress, one.GlobalIPv6Address]).filter((address) => address !== '')
      const macs = all.map((one) => one.MacAddress)
      expect(new Set(addresses).size === addresses.length, 'no address is given twice', addresses)
      expect(new Set(macs).size === macs.length, 'no MAC is given twice', macs)
      return addresses.join(' ')
    },
  },
  ...NETWORKS.map((network) => ({
    name: `${network}: ping both ways`,
    run: (lab: Lab) => pingBothWays(lab, network),
  })),
  ...NETWORKS.map((network) => ({
    name: `${network}: 64 MiB over TCP, checksum`,
    run: (lab: Lab) => transfer(lab, network),
  })),
  ...NETWORKS.map((network) => ({ name: `${network}: full MTU with DF`, run: (lab: Lab) => fullMtu(lab, network) })),
  {
    name: 'isolation: networks do not reach each other',
    async run(lab) {
      let tried = 0
      for (const from of NETWORKS) {
        for (const to of NETWORKS.filter((network) => network !== from)) {
          for (const { IPAddress, GlobalIPv6Address } of await addressesOf(lab, to)) {
            for (const address of [IPAddress, GlobalIPv6Address].filter((text) => text !== '')) {
              const argv = ['docker', 'exec', `${from}-1`, 'ping', '-c', '1', '-W', '1', address]
              const reached = await on(
                lab,
                'docker1',
                'sh',
                '-c',
                '"$@" >/dev/null 2>&1 && echo yes || echo no',
                'sh',
                ...argv,
              )
              expect(reached === 'no', `${from} does not reach ${to} at ${address}`, reached)
              tried++
            }
          }
        }
      }
      return `${tried} attempts, none arrived`
    },
  },
]
