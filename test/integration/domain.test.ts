/** The domain's suite on a real etcd, emptied before each test. */
import { afterAll, beforeAll } from 'vitest'
import { domainConformance } from '../conformance/domain/index.ts'
import { etcdStore } from '../conformance/domain/world.ts'
import { type EtcdServer, startEtcd } from '../support/etcd.ts'

let etcd: EtcdServer

beforeAll(async () => {
  etcd = await startEtcd()
})
afterAll(() => etcd.stop())

domainConformance('etcd', async () => {
  await etcd.ctl('del', '--prefix', '/weft/')
  return etcdStore(etcd)
})
