/** Every check, in the order in which findings are shown. */
import type { AnyHostCheck, PairCheck } from './check.ts'
import { clock } from './clock.ts'
import { disk } from './disk.ts'
import { docker } from './docker.ts'
import { forwarding } from './forwarding.ts'
import { identity } from './identity.ts'
import { kernel } from './kernel.ts'
import { managers } from './managers.ts'
import { neighbours } from './neighbours.ts'
import { netfilter } from './netfilter.ts'
import { offload } from './offload.ts'
import { pathMtu } from './path-mtu.ts'
import { plugin } from './plugin.ts'
import { reconcile } from './reconcile.ts'
import { routes } from './routes.ts'
import { udpPort } from './udp-port.ts'
import { wire } from './wire.ts'

export const HOST_CHECKS: readonly AnyHostCheck[] = [
  kernel,
  docker,
  plugin,
  reconcile,
  routes,
  identity,
  netfilter,
  forwarding,
  neighbours,
  managers,
  clock,
  disk,
]

export const PAIR_CHECKS: readonly PairCheck[] = [udpPort, pathMtu, offload, wire]
