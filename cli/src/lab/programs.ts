/** Weft's own daemons in a lab: where they are, how they are called, when they serve. */
import fs from 'node:fs'
import path from 'node:path'
import { WeftError } from '@weft/shared'
import { findProgram, PROGRAM_NAMES } from '../programs.ts'
import { readControllerSetup, setUpController } from '../setup/controller-setup.ts'
import { setUpHost } from '../setup/host-setup.ts'
import { type Daemon, daemonPid, startDaemon, stopDaemon } from './daemon.ts'
import { API_PORT, CONTROLLER, type HostLayout, type LabLayout, NATS_PORT } from './layout.ts'
import { accepts } from './unix-socket.ts'

export const CONTROLLER_DAEMON = 'controller'
export const AGENT_DAEMON = 'agent'
export const RESOLVER_DAEMON = 'dns'

/** What systemd does for the resolver: started again at once, unless it ended of its own will. */
const AGAIN = 'until "$@"; do sleep 0.05; done'

/** Throws `unavailable` when one of them is not built. */
export function checkPrograms(): void {
  for (const name of PROGRAM_NAMES) findProgram(name)
}

const controllerConfig = (lab: LabLayout) => path.join(lab.controller.folder, 'etc/controller.json')

/** Sets the controller up as `weft controller init` does, with TLS, starts it and waits for its socket. */
export async function startController(lab: LabLayout, signal?: AbortSignal): Promise<number> {
  const { ipv4: host, data } = lab.controller
  const config = controllerConfig(lab)
  const listen = { host, port: API_PORT }
  setUpController({ config, data, listen, natsListen: { host, port: NATS_PORT } }, new Date())
  const argv = [process.execPath, findProgram('controller'), '--config', config]
  const ready = () => accepts(lab.controllerSocket)
  return await startDaemon(lab.controller, { name: CONTROLLER_DAEMON, argv, ready, readyWithinMs: 60_000 }, signal)
}

/** Sets a host up as `weft join` does, starts its agent and waits until Docker could reach it. */
export async function startAgent(lab: LabLayout, host: HostLayout, signal?: AbortSignal): Promise<number> {
  const setup = readControllerSetup(controllerConfig(lab))
  if (setup === undefined)
    throw new WeftError('not_found', { what: 'controller of the lab is not set up', on: lab.name })
  const config = path.join(host.folder, 'etc/agent.json')
  const { controllers, nats, secret } = setup.join
  const own = { config, id: host.name, underlay: 'eth0', data: host.data, docker: '/run/docker.sock' }
  setUpHost({ ...own, controllers, nats, secret, ca: setup.ca })
  const argv = [process.execPath, findProgram('agent'), '--config', config]
  const socket = path.join(host.run, 'docker/plugins/weft.sock')
  const daemon: Daemon = { name: AGENT_DAEMON, argv, ready: () => accepts(socket), readyWithinMs: 60_000 }
  return await startDaemon(host, daemon, signal)
}

/** Starts a host's resolver, and again whenever it dies. Its pid file names it, not what watches over it. */
export async function startResolver(host: HostLayout, signal?: AbortSignal): Promise<number> {
  const argv = ['sh', '-c', AGAIN, 'sh', process.execPath, findProgram('dns'), '--data', host.data]
  const ready = async () => {
    const pid = daemonPid(host, RESOLVER_DAEMON)
    return pid !== undefined && fs.readFileSync(`/proc/${pid}/comm`, 'utf8').trim() !== 'sh'
  }
  return await startDaemon(host, { name: RESOLVER_DAEMON, argv, ready, readyWithinMs: 30_000 }, signal)
}

/** Stops Weft's daemon of a host: the controller's on the controller, the agent elsewhere. */
export async function stopProgram(host: HostLayout, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  await stopDaemon(host, host.name === CONTROLLER ? CONTROLLER_DAEMON : AGENT_DAEMON, signal)
}
