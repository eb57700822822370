/** From method and path to an operation, by the OPERATIONS table. Pure. */
import { type OperationName, WeftError } from '@weft/shared'
import { SHAPES } from './operations.ts'

export type Match =
  | { readonly kind: 'operation'; readonly name: OperationName; readonly params: Readonly<Record<string, string>> }
  | { readonly kind: 'agent'; readonly host: string; readonly verb: string }
  /** The path is known under other methods. */
  | { readonly kind: 'wrong-method'; readonly allow: readonly string[] }

const AGENT_PATH = '/v1/agent/:host/:verb'
const ROUTES = Object.entries(SHAPES).map(([name, { method, path }]) => ({
  name: name as OperationName,
  method,
  segments: path.split('/'),
}))

/**
 * @param pathname of the URL, still percent-encoded
 * @throws `not_found` with all routes for a path that none has, `invalid` for a bad percent-encoding.
 */
export function matchRoute(method: string, pathname: string): Match {
  const agent = matchPath(AGENT_PATH.split('/'), pathname)
  if (agent !== undefined) {
    if (method !== 'POST') return { kind: 'wrong-method', allow: ['POST'] }
    return { kind: 'agent', host: agent.host ?? '', verb: agent.verb ?? '' }
  }
  const found = ROUTES.flatMap((route) => {
    const params = matchPath(route.segments, pathname)
    return params === undefined ? [] : [{ ...route, params }]
  })
  const exact = found.find((route) => route.method === method)
  if (exact !== undefined) return { kind: 'operation', name: exact.name, params: exact.params }
  if (found.length > 0) return { kind: 'wrong-method', allow: found.map((route) => route.method) }
  const known = [...ROUTES.map((route) => `${route.method} ${route.segments.join('/')}`), `POST ${AGENT_PATH}`]
  throw new WeftError('not_found', {
    what: 'no such path',
    on: `${method} ${pathname.slice(0, 200)}`,
    remedy: `there are ${known.join(', ')}`,
  })
}

function matchPath(segments: readonly string[], pathname: string): Record<string, string> | undefined {
  const parts = pathname.split('/')
  if (parts.length !== segments.length) return undefined
  const params: Record<string, string> = {}
  for (const [index, segment] of segments.entries()) {
    const part = parts[index] ?? ''
    const matches = segment.startsWith(':') ? part !== '' : part === segment
    if (!matches) return undefined
    if (segment.startsWith(':')) params[segment.slice(1)] = decode(part)
  }
  return params
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch (cause) {
    throw new WeftError('invalid', {
      what: 'bad percent-encoding in the path',
      on: part.slice(0, 200),
      remedy: 'write % as %25',
      cause,
    })
  }
}
