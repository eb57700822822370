/** Every network driver, one line each. `driverFor` resolves aliases and says what exists when it finds nothing. */
import { closest } from '../closest.ts'
import { WeftError } from '../errors.ts'
import { bridge } from './bridge.ts'
import type { Driver } from './driver.ts'
import { ipvlan } from './ipvlan.ts'
import { macvlan } from './macvlan.ts'
import { overlay } from './overlay.ts'

// biome-ignore lint/suspicious/noExplicitAny: each driver's options have their own type; callers parse before they pass.
const DRIVERS: readonly Driver<any>[] = [overlay, macvlan, bridge, ipvlan]

export function drivers(): readonly Driver[] {
  return DRIVERS
}

/** The driver of that name or alias; throws `invalid` naming the known ones. */
export function driverFor(name: string): Driver {
  const found = DRIVERS.find((driver) => driver.name === name || driver.aliases.includes(name))
  if (found !== undefined) return found
  const known = DRIVERS.map((driver) => driver.name)
  const near = closest(name, known)
  throw new WeftError('invalid', {
    what: 'unknown driver',
    on: name,
    why: `Weft has ${known.join(', ')}`,
    remedy: near === undefined ? `use one of ${known.join(', ')}` : `did you mean ${near}?`,
  })
}
