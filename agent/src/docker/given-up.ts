/** Containers that Docker gave up on: it tries one that cannot start at its boot just once (DOCKER.md 1.5). */
import { WeftError } from '@weft/shared'
import type { Log } from '../log.ts'
import type { Engine, InspectedContainer } from './engine.ts'

/** Starts them all. @throws when Docker does not tell which containers there are */
export async function startGivenUp(engine: Engine, log: Log): Promise<void> {
  const idle = (await engine.containers()).filter(({ State }) => State === 'exited' || State === 'created')
  for (const { Id } of idle) {
    const container = await engine.container(Id)
    if (container === undefined || !wasGivenUp(container)) continue
    log.info({ container: container.Name, error: container.State.Error }, 'starting a container that Docker gave up on')
    await engine
      .startContainer(Id)
      .catch((error: unknown) =>
        log.warn({ container: container.Name, error: WeftError.from(error).message }, 'container not started'),
      )
  }
}

/** A container that should run by its restart policy and could not, for want of its network plugin or of its parent. */
export function wasGivenUp({ State, HostConfig }: InspectedContainer): boolean {
  const policy = HostConfig?.RestartPolicy?.Name ?? ''
  const wanted = policy === 'always' || policy === 'unless-stopped' || policy === 'on-failure'
  return wanted && !State.Running && /plugin|weft|container not wired/i.test(State.Error)
}
