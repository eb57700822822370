import { kernelConformance } from '../conformance/kernel.ts'
import { createLinuxWorld } from './linux-world.ts'

kernelConformance('the kernel of this machine', createLinuxWorld)
