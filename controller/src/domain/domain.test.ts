import { domainConformance } from '../../../test/conformance/domain/index.ts'
import { modelStore } from '../../../test/conformance/domain/world.ts'

domainConformance('the model store', async () => modelStore())
