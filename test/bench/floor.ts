/**
 * The floor under "create to applied": one durable etcd commit, then a NATS request to each host and its answer. Runs in
 * the lab's controller namespace: `floor.ts DATA_FOLDER HOSTS`, prints the median of 20 rounds in milliseconds.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { BUS_USER } from '@weft/shared'
import { connectNats } from '../../controller/src/bus/index.ts'
import { etcdKv } from '../../controller/src/store/etcd.ts'
import { when } from '../../controller/src/store/txn.ts'
import { median } from './statistics.ts'

const [data = '', hosts = '2'] = process.argv.slice(2)
const { client } = JSON.parse(readFileSync(join(data, 'etcd-ports.json'), 'utf8')) as { client: number }
const password = readFileSync(join(data, 'secret'), 'utf8').trim()
const kv = etcdKv({ endpoints: [`http://127.0.0.1:${client}`] })
const bus = await connectNats({
  servers: ['tls://10.250.0.10:4222'],
  ca: readFileSync(join(data, 'tls/ca.crt'), 'utf8'),
  user: BUS_USER,
  password,
  name: 'floor',
  onNotice: ({ what }) => console.error(what),
})
const subjects = Array.from({ length: Number(hosts) }, (_, index) => `bench.floor.${index}`)
for (const subject of subjects) bus.serve(subject, async () => '{}')

const samples: number[] = []
for (let round = 0; round < 20; round++) {
  const began = performance.now()
  await kv.txn(when([], [{ put: '/bench/floor', value: String(round) }]), { requestId: `floor-${round}` })
  await Promise.all(subjects.map((subject) => bus.request(subject, '{}', 2000)))
  samples.push(performance.now() - began)
}
await kv.txn(when([], [{ delete: '/bench/floor' }]), { requestId: 'floor-end' })
console.log(median(samples))
await bus.close()
await kv.close()
