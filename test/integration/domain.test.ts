/** The domain's suite on a real etcd, emptied before each test. */
import { afterAll, beforeAll } from 'vitest'
import { etcdKv } from '../../controller/src/store/etcd.ts'
import { domainConformance } from '../conformance/domain/index.ts'
import { type EtcdServer, startEtcd } from '../support/etcd.ts'

let etcd: EtcdServer

beforeAll(async () => {
  etcd = await startEtcd()
})
afterAll(() => etcd.stop())

domainConformance('etcd', async () => {
  await etcd.ctl('del', '--prefix', '/weft/')
  return { connect: () => etcdKv({ endpoints: [etcd.endpoint] }), close: async () => {} }
})
