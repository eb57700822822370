/** Many at once: one address asked for by two, and forty containers in one breath. */
import type { Lab } from '../record.ts'
import { waitFor } from '../wait.ts'
import { type Check, expect, inspected, on, REACHED_MS, runContainer, tryOn } from './check.ts'
import { OVERLAY } from './networks.ts'

const CROWD = 40
const WANTED = '10.20.0.77'

function crowdOf(lab: Lab): { host: string; name: string }[] {
  return Array.from({ length: CROWD }, (_, index) => ({
    host: lab.hosts[index % lab.hosts.length]?.name ?? 'docker1',
    name: `crowd-${index}`,
  }))
}

export const RACE_CHECKS: readonly Check[] = [
  {
    name: 'one --ip, two hosts, the same moment',
    async run(lab) {
      const contend = (host: string) =>
        tryOn(
          lab,
          host,
          'docker',
          'run',
          '-d',
          '--name',
          'rival',
          '--network',
          OVERLAY.name,
          '--ip',
          WANTED,
          'busybox',
          'sleep',
          '600',
        )
      const results = await Promise.all([contend('docker1'), contend('docker2')])
      const [loser, ...others] = results.filter((result) => result.code !== 0)
      expect(loser !== undefined && others.length === 0, 'exactly one gets the address', results)
      expect(loser.stderr.includes(WANTED), 'the error names the address', loser.stderr)
      const winner = results[0]?.code === 0 ? 'docker1' : 'docker2'
      expect(loser.stderr.includes(winner), `the error names the holder's host ${winner}`, loser.stderr)
      await Promise.all(['docker1', 'docker2'].map((host) => on(lab, host, 'docker', 'rm', '-f', 'rival')))
      return `${winner} got it; the other: ${loser.stderr.replaceAll(/\s+/g, ' ').slice(0, 160)}`
    },
  },
  {
    name: `${CROWD} containers at once: no duplicate, all reachable`,
    async run(lab) {
      const crowd = crowdOf(lab)
      const began = performance.now()
      await Promise.all(crowd.map(({ host, name }) => runContainer(lab, host, name, OVERLAY.name)))
      const seconds = (performance.now() - began) / 1000
      const found = await Promise.all(crowd.map(({ host, name }) => inspected(lab, host, name, OVERLAY.name)))
      const addresses = found.map((one) => one.IPAddress)
      expect(new Set(addresses).size === CROWD, 'no address is given twice', addresses)
      const script = `for a in ${addresses.join(' ')}; do ping -c 1 -W 2 $a >/dev/null || echo $a; done`
      for (const host of ['docker1', 'docker2']) {
        const container = `${OVERLAY.name}-${host.slice(-1)}`
        let unreached = ''
        await waitFor(
          async () => {
            unreached = await on(lab, host, 'docker', 'exec', container, 'sh', '-c', script)
            return unreached === ''
          },
          { what: `${host} to reach all of them`, timeoutMs: REACHED_MS, intervalMs: 100, explain: () => unreached },
        )
      }
      await Promise.all(
        lab.hosts.map(({ name }) => {
          const mine = crowd.filter(({ host }) => host === name).map((container) => container.name)
          return on(lab, name, 'docker', 'rm', '-f', ...mine)
        }),
      )
      return `${CROWD} started in ${seconds.toFixed(1)} s, ${addresses.length} distinct addresses`
    },
  },
]
