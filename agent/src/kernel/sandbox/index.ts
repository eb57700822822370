/** The door of the folder for the resolver, which needs nothing else of the kernel. */
export { DOCKER_RESOLVER, openSandboxes, type Sandboxes, type SandboxSockets } from './sandboxes.ts'
