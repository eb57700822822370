/** Where the controller is: the flag, the environment, the usual socket, else the lab that runs on this machine. */
import { WeftError } from '@weft/shared'

/** The socket of a controller on this machine, and of the lab's inside every lab host. */
export const CONTROLLER_SOCKET = '/run/weft/controller.sock'
const REMEDY = 'start the lab with: npm start (or weft lab up), or name a controller with --controller URL|unix:PATH'

export type ControllerAddress =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'http'; readonly url: URL }

/** What the choice depends on; `labSockets` is asked last, because it reads the labs' records. */
export interface Surroundings {
  readonly flag?: string | undefined
  readonly env: Readonly<Record<string, string | undefined>>
  readonly exists: (path: string) => boolean
  /** Controller sockets of the labs that are up, by lab name. */
  readonly labSockets: () => Promise<ReadonlyMap<string, string>>
}

/**
 * Chooses the controller: --controller, WEFT_CONTROLLER, /run/weft/controller.sock, a running lab (WEFT_LAB, `default`,
 * or the only one). Throws `invalid` for a bad address, `conflict` when several labs run and none is named,
 * `unavailable` with all that was tried.
 */
export async function findController(around: Surroundings): Promise<ControllerAddress> {
  const { flag, env } = around
  if (flag !== undefined) return parseAddress(flag, '--controller')
  const variable = env.WEFT_CONTROLLER ?? ''
  if (variable !== '') return parseAddress(variable, 'WEFT_CONTROLLER')
  if (around.exists(CONTROLLER_SOCKET)) return { kind: 'unix', path: CONTROLLER_SOCKET }
  const path = chooseLab(await around.labSockets(), env.WEFT_LAB ?? '')
  if (path !== undefined) return { kind: 'unix', path }
  throw new WeftError('unavailable', {
    what: 'no controller found',
    why: `tried --controller (not given), WEFT_CONTROLLER (not set), ${CONTROLLER_SOCKET} (absent), labs (none is up)`,
    remedy: REMEDY,
  })
}

function chooseLab(labs: ReadonlyMap<string, string>, wanted: string): string | undefined {
  if (wanted !== '') return labs.get(wanted)
  const only = labs.size === 1 ? [...labs.values()][0] : undefined
  const found = labs.get('default') ?? only
  if (found !== undefined || labs.size === 0) return found
  throw new WeftError('conflict', {
    what: 'several labs are up',
    on: [...labs.keys()].join(', '),
    why: 'none of them is called default',
    remedy: `choose one: WEFT_LAB=${[...labs.keys()][0]} weft …`,
  })
}

/** Parses `http://HOST:PORT`, `https://…` or `unix:PATH`. Throws `invalid`; `source` is where the text came from. */
export function parseAddress(text: string, source: string): ControllerAddress {
  const unix = /^unix:(?:\/\/)?(\/.+)$/.exec(text)?.[1] ?? (text.startsWith('/') ? text : undefined)
  if (unix !== undefined) return { kind: 'unix', path: unix }
  const url = URL.canParse(text) ? new URL(text) : undefined
  const plain = url !== undefined && url.pathname === '/' && url.search === '' && url.hash === '' && url.username === ''
  if (plain && (url.protocol === 'http:' || url.protocol === 'https:')) return { kind: 'http', url }
  throw new WeftError('invalid', {
    what: `${source} is not a controller's address`,
    on: text,
    why: 'it is http://HOST:PORT, https://HOST:PORT or unix:/PATH',
    remedy: 'write it like http://10.0.0.1:7474 or unix:/run/weft/controller.sock',
  })
}

/** The address as the user would write it. */
export function formatControllerAddress(address: ControllerAddress): string {
  return address.kind === 'unix' ? `unix:${address.path}` : address.url.origin
}

/** What to do when a controller that was found does not answer. */
export const UNREACHABLE_REMEDY = REMEDY
