import { domainConformance } from '../../../test/conformance/domain/index.ts'
import { ModelStore } from '../store/model.ts'

domainConformance('the model store', async () => {
  const store = new ModelStore()
  return { connect: () => store.connect(), close: async () => {} }
})
