/** Removing is refused while in use, and leaves nothing. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Lab } from '../record.ts'
import { type Check, expect, on, tryWeft, weft } from './check.ts'
import { DUAL, OVERLAY, WIRE } from './networks.ts'

const NETWORKS = [OVERLAY.name, WIRE.name, DUAL.name]

/** Every key of Weft in etcd below these, without leases and cluster records. */
const RECORDS = ['net/', 'sub/', 'ip/', 'ep/', 'name/', 'mac/', 'vni/']

async function leftInKernel(lab: Lab, host: string): Promise<string[]> {
  const script = `ip -o link | grep -o ': wf[^:@]*' ; ip -n weft -o link | grep -o ': wf[^:@]*'; bridge -n weft fdb | grep dst; true`
  return (await on(lab, host, 'sh', '-c', script)).split('\n').filter((line) => line !== '')
}

async function leftInEtcd(lab: Lab): Promise<string[]> {
  const { client } = JSON.parse(readFileSync(join(lab.layout.controller.data, 'etcd-ports.json'), 'utf8')) as {
    client: number
  }
  const script = `for k in ${RECORDS.join(' ')}; do etcdctl --endpoints "$0" get --prefix --keys-only "/weft/v1/$k"; done`
  const argv = ['env', 'ETCDCTL_API=3', 'sh', '-c', script, `http://127.0.0.1:${client}`]
  return (await on(lab, 'controller', ...argv)).split('\n').filter((line) => line !== '')
}

export const REMOVAL_CHECKS: readonly Check[] = [
  {
    name: 'network rm is refused while in use, naming the endpoints',
    async run(lab) {
      const { code, stderr } = await tryWeft(lab, 'network', 'rm', OVERLAY.name)
      expect(code === 4, 'the exit code is 4 (conflict)', { code, stderr })
      for (const name of [`${OVERLAY.name}-1`, 'docker1']) {
        expect(stderr.includes(name), `the error names ${name}`, stderr)
      }
      return stderr.replaceAll(/\s+/g, ' ').slice(0, 160)
    },
  },
  {
    name: 'containers removed: their addresses are given back',
    async run(lab) {
      await Promise.all(
        lab.hosts.map((host) => on(lab, host.name, 'sh', '-c', 'docker ps -aq | xargs -r docker rm -f')),
      )
      for (let attempt = 0; ; attempt++) {
        const endpoints = JSON.parse(await weft(lab, 'endpoint', 'ls', '--format', 'json')) as unknown[]
        if (endpoints.length === 0) return 'no endpoint left'
        expect(attempt < 50, 'every endpoint is released within 10 s', endpoints)
        await new Promise((resolve) => setTimeout(resolve, 200))
      }
    },
  },
  {
    name: 'networks removed: no Docker network, link, FDB entry or etcd key is left',
    async run(lab) {
      await weft(lab, 'network', 'rm', ...NETWORKS)
      await weft(lab, 'status', '--wait', '--timeout', '20s')
      for (const host of lab.hosts) {
        const networks = await on(lab, host.name, 'docker', 'network', 'ls', '-q', '--filter', 'driver=weft')
        expect(networks === '', `${host.name} has no Docker network of Weft`, networks)
        const left = await leftInKernel(lab, host.name)
        expect(left.length === 0, `${host.name} has no link or FDB entry of Weft`, left)
      }
      const keys = await leftInEtcd(lab)
      expect(keys.length === 0, 'etcd has no record of them', keys)
      return 'clean'
    },
  },
]
