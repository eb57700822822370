/** The door of the folder for the resolver, which needs nothing else of the kernel. */
export { openSandboxes, type Sandboxes, type SandboxSockets } from './sandboxes.ts'
