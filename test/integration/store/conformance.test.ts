import { etcdKv } from '../../../controller/src/store/etcd.ts'
import { kvConformance } from '../../conformance/kv.ts'
import { startEtcd } from '../../support/etcd.ts'

kvConformance('etcd', async () => {
  const server = await startEtcd()
  return {
    connect: () => etcdKv({ endpoints: [server.endpoint] }),
    shortestTtl: 2,
    async compact(revision) {
      await server.ctl('compact', String(revision))
    },
    stop: () => server.stop(),
  }
})
