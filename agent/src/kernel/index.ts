/** The door of the folder: what the rest of the agent may use of the kernel. */

export { type BroadcastPlace, type Broadcasts, openBroadcasts } from './broadcast.ts'
export { whoAnswers } from './echo.ts'
export type { FabricMode } from './fabric.ts'
export { isNetns } from './fabric.ts'
export { type HostWays, readHostWays } from './facts.ts'
export { createFakeKernel, type FakeKernel } from './fake/fake-kernel.ts'
export type { Kernel, Observation, OpFailure } from './kernel.ts'
export { createLinuxKernel, type LinuxKernel, type LinuxKernelOptions } from './linux-kernel.ts'
export { withinNetns } from './netns.ts'
