/**
 * The real Docker of a lab host, as its own package installs it: standard socket, exec root and pid file inside the
 * host; iptables on; its own containerd (dockerd starts one when /run/containerd/containerd.sock is not there).
 * The storage driver is left to dockerd, which tries overlay2 first.
 */
import fs from 'node:fs'
import path from 'node:path'
import { daemonPid, startDaemon, stopDaemon } from './daemon.ts'
import type { HostLayout } from './layout.ts'
import { answersOk } from './unix-socket.ts'

export interface DockerdOptions {
  /** Containers survive a stop of dockerd. */
  readonly liveRestore?: boolean
}

const NAME = 'dockerd'

/** Starts a host's dockerd and waits until its API answers. Gives back its process id on the machine. */
export async function startDockerd(
  host: HostLayout,
  options: DockerdOptions = {},
  signal?: AbortSignal,
): Promise<number> {
  const config = path.join(host.folder, 'daemon.json')
  const settings = { 'live-restore': options.liveRestore ?? false }
  fs.writeFileSync(config, `${JSON.stringify(settings, null, 2)}\n`)
  // After kill -9 the old pid file may name a process that is somebody else's by now; dockerd would refuse to start.
  if (daemonPid(host, NAME) === undefined) fs.rmSync(path.join(host.run, 'docker.pid'), { force: true })
  const flags = {
    'config-file': config,
    'data-root': host.dockerRoot,
    'exec-root': '/run/docker',
    host: 'unix:///run/docker.sock',
    pidfile: '/run/docker.pid',
    'log-level': 'warn',
    'cgroup-parent': host.cgroup,
    // With systemd and cgroup 2 Docker would ask systemd for slices; the lab's cgroups are its own.
    'exec-opt': 'native.cgroupdriver=cgroupfs',
  }
  const argv = ['dockerd', ...Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`)]
  return await startDaemon(
    host,
    { name: NAME, argv, readyWithinMs: 60_000, ready: () => answersOk(host.dockerSocket, '/_ping') },
    signal,
  )
}

/** Stops a host's dockerd: SIGTERM as systemd does, SIGKILL as a crash does. One that does not run is fine. */
export async function stopDockerd(host: HostLayout, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  await stopDaemon(host, NAME, signal, 30_000)
}
