/** From what a person names (a process, a namespace, a container) to the namespace that is meant. */
import { readlinkSync } from 'node:fs'
import { type AttachTarget, WeftError } from '@weft/shared'
import type { Engine, InspectedContainer } from '../docker/engine.ts'
import type { NamespaceFinder, NamespaceId } from '../kernel/namespace-finder.ts'
import { netnsPath } from '../kernel/netns.ts'

export interface Target extends NamespaceId {
  readonly path: string
  /** As errors name it. */
  readonly text: string
  readonly container?: { readonly id: string; readonly name: string }
}

/** @throws `not_found`, `conflict` for a container that does not run, `invalid` for the host's own namespace */
export async function resolveTarget(
  { engine, finder }: { readonly engine: Engine; readonly finder: NamespaceFinder },
  target: AttachTarget,
): Promise<Target> {
  const found = await placeOf(engine, target)
  const id = finder.identify(found.path)
  if (!finder.isHosts(id)) return { ...found, ...id }
  throw new WeftError('invalid', {
    what: 'the namespace is the host’s own',
    on: found.text,
    why: 'what runs in it (a container in host mode, too) has the host’s networks and no others',
    remedy: 'run it in a namespace of its own: docker run --network none',
  })
}

async function placeOf(engine: Engine, target: AttachTarget): Promise<Omit<Target, keyof NamespaceId>> {
  if ('pid' in target) {
    const path = `/proc/${target.pid}/ns/net`
    checkProcess(path, target.pid)
    return { path, text: `process ${target.pid}` }
  }
  if ('netns' in target) {
    const path = target.netns.startsWith('/') ? target.netns : netnsPath(target.netns)
    return { path, text: path }
  }
  return ofContainer(await engine.container(target.container), target.container)
}

function checkProcess(path: string, pid: number): void {
  try {
    readlinkSync(path)
  } catch (cause) {
    const why = (cause as Error).message
    throw new WeftError('not_found', { what: 'no such process', on: String(pid), why, remedy: 'see ps', cause })
  }
}

function ofContainer(container: InspectedContainer | undefined, ref: string): Omit<Target, keyof NamespaceId> {
  if (container === undefined)
    throw new WeftError('not_found', { what: 'no such container', on: ref, remedy: 'see docker ps on that host' })
  const { Id: id, State, HostConfig, NetworkSettings } = container
  const name = container.Name.replace(/^\//, '')
  if (!State.Running || State.Pid === 0) {
    const why = `it is ${State.Status}, and has no namespace`
    throw new WeftError('conflict', { what: 'container does not run', on: name, why, remedy: `docker start ${name}` })
  }
  // A container that shares another's namespace names none of its own; the path of Docker's file is not given anew.
  const own = NetworkSettings.SandboxKey !== '' && !(HostConfig?.NetworkMode ?? '').startsWith('container:')
  const path = own ? NetworkSettings.SandboxKey : `/proc/${State.Pid}/ns/net`
  return { path, text: `container ${name}`, container: { id, name } }
}
