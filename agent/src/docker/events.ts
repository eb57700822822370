/** Docker's events, as far as they concern us. Pure. */
import { z } from 'zod'

const EngineEvent = z.object({
  Type: z.string(),
  Action: z.string(),
  Actor: z.object({ ID: z.string(), Attributes: z.record(z.string(), z.string()).nullish() }),
  time: z.number().optional(),
})

export type Happening =
  /** A container's endpoint has a name now, or another one. */
  | { readonly kind: 'named'; readonly container: string }
  /** A container may have left a network, stopped or gone. */
  | { readonly kind: 'left' }
  /** Docker's networks changed. */
  | { readonly kind: 'networks' }

export interface Heard {
  readonly happening: Happening | undefined
  /** Seconds since 1970, by Docker's clock. */
  readonly time: number | undefined
}

/** @throws for what is no event of Docker's */
export function readEvent(value: unknown, ours: (dockerNetwork: string) => boolean): Heard {
  const { Type, Action, Actor, time } = EngineEvent.parse(value)
  return { happening: happeningOf(Type, Action, Actor, ours), time }
}

function happeningOf(
  type: string,
  action: string,
  actor: { readonly ID: string; readonly Attributes?: Record<string, string> | null | undefined },
  ours: (dockerNetwork: string) => boolean,
): Happening | undefined {
  if (type === 'network') {
    if (action === 'create' || action === 'destroy' || action === 'remove') return { kind: 'networks' }
    if (!ours(actor.ID)) return undefined
    const container = actor.Attributes?.container
    if (action === 'connect' && container !== undefined) return { kind: 'named', container }
    return action === 'disconnect' ? { kind: 'left' } : undefined
  }
  if (action === 'rename') return { kind: 'named', container: actor.ID }
  return action === 'die' || action === 'destroy' ? { kind: 'left' } : undefined
}
