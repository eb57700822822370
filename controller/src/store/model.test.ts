import { kvConformance } from '../../../test/conformance/kv.ts'
import { ModelStore } from './model.ts'

kvConformance('model', async () => {
  const store = new ModelStore()
  return {
    connect: () => store.connect(),
    shortestTtl: 0.2,
    async compact(revision) {
      store.compact(revision)
    },
    async stop() {
      store.close()
    },
  }
})
