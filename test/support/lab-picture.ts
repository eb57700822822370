/** What a lab is, as others tell it: etcd's keys, the fabric's links and tables, Docker's lists. For before and after. */

import fs from 'node:fs'
import path from 'node:path'
import { CONTROLLER, execIn, type Lab } from '../../cli/src/lab/index.ts'
import { on } from '../../cli/src/lab/scenario/check.ts'

/** etcdctl on the embedded etcd of the lab's controller. */
export async function etcdctl(lab: Lab, args: readonly string[], input?: string): Promise<string> {
  const ports = path.join(lab.layout.controller.data, 'etcd-ports.json')
  const { client } = JSON.parse(fs.readFileSync(ports, 'utf8')) as { client: number }
  const argv = ['etcdctl', `--endpoints=http://127.0.0.1:${client}`, ...args]
  const options = { env: { ETCDCTL_API: '3' }, ...(input === undefined ? {} : { input }) }
  const { code, stdout, stderr } = await execIn(lab, CONTROLLER, argv, options)
  if (code !== 0) throw new Error(`etcdctl ${args.join(' ')}: ${stderr}`)
  return stdout
}

/** Every key with its value, leased ones left out: they come and go by themselves. */
export async function etcdRecords(lab: Lab): Promise<Map<string, string>> {
  const text = await etcdctl(lab, ['get', '/weft/', '--prefix', '--write-out=json'])
  const { kvs } = JSON.parse(text) as { kvs: { key: string; value: string; lease?: unknown }[] }
  const kept = kvs.filter(({ lease }) => lease === undefined)
  return new Map(kept.map(({ key, value }) => [atob(key), Buffer.from(value, 'base64').toString('utf8')]))
}

interface Row {
  readonly [key: string]: unknown
}

/** Links with their indexes (a link made anew has another), FDB entries and neighbours of the fabric; Docker's lists. */
export async function pictureOf(lab: Lab, host: string): Promise<string> {
  const json = async (...argv: string[]) => JSON.parse((await on(lab, host, ...argv)) || '[]') as Row[]
  const lines = (rows: readonly Row[], ...fields: string[]) =>
    rows.map((row) => fields.map((field) => JSON.stringify(row[field])).join(' ')).sort()
  const [links, fdb, neighbours, networks, containers] = await Promise.all([
    json('ip', '-n', 'weft', '-j', 'link'),
    json('bridge', '-n', 'weft', '-j', 'fdb'),
    json('ip', '-n', 'weft', '-j', 'neigh', 'show', 'nud', 'permanent'),
    on(lab, host, 'docker', 'network', 'ls', '--format', '{{.ID}} {{.Name}} {{.Driver}}'),
    on(lab, host, 'docker', 'ps', '-a', '--format', '{{.ID}} {{.Names}} {{.State}}'),
  ])
  return [
    ...lines(links, 'ifindex', 'ifname', 'address', 'mtu', 'operstate'),
    ...lines(fdb, 'mac', 'ifname', 'dst', 'master'),
    ...lines(neighbours, 'dst', 'dev', 'lladdr'),
    ...networks.split('\n').sort(),
    ...containers.split('\n').sort(),
  ].join('\n')
}
