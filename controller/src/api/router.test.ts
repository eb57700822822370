import { OPERATIONS, WeftError } from '@weft/shared'
import { describe, expect, it } from 'vitest'
import { checkDepth, DEPTH_LIMIT } from '../json-depth.ts'
import { checkBearer } from './auth.ts'
import { parseInput, readQuery } from './input.ts'
import { SHAPES } from './operations.ts'
import { matchRoute } from './router.ts'

const refusal = (run: () => unknown): WeftError => {
  try {
    run()
  } catch (error) {
    return WeftError.from(error)
  }
  throw new Error('not refused')
}

describe('routes', () => {
  it.each(Object.entries(OPERATIONS))('%s is found by its method and path', (name, { method, path }) => {
    const match = matchRoute(method, path.replaceAll(/:[a-z]+/g, 'a%2Fb'))
    expect(match).toMatchObject({ kind: 'operation', name })
    const params = match.kind === 'operation' ? Object.values(match.params) : []
    expect(params.every((value) => value === 'a/b')).toBe(true)
  })

  it('finds the agents’ door', () => {
    expect(matchRoute('POST', '/v1/agent/docker1/join')).toEqual({ kind: 'agent', host: 'docker1', verb: 'join' })
    expect(matchRoute('GET', '/v1/agent/docker1/join')).toEqual({ kind: 'wrong-method', allow: ['POST'] })
  })

  it('lists what there is for a path that is not', () => {
    for (const path of [
      '/',
      '/v1',
      '/v1/network',
      '/v1/networks/',
      '/v1/networks/a/b',
      '/v2/networks',
      '//v1/networks',
    ]) {
      const error = refusal(() => matchRoute('GET', path))
      expect(error.code).toBe('not_found')
      expect(error.message).toContain('GET /v1/networks')
    }
  })

  it('names the methods that a path has', () => {
    expect(matchRoute('PATCH', '/v1/networks')).toEqual({ kind: 'wrong-method', allow: ['POST', 'GET'] })
  })

  it('refuses bad percent-encoding', () => {
    expect(refusal(() => matchRoute('GET', '/v1/networks/%zz')).code).toBe('invalid')
  })
})

describe('input', () => {
  const none = { params: {}, query: {}, body: '' }

  it('refuses what an operation does not take', () => {
    expect(refusal(() => parseInput(SHAPES.networkList, { ...none, query: { a: '1' } })).message).toContain('a')
    expect(refusal(() => parseInput(SHAPES.networkList, { ...none, body: '{}' })).message).toContain('none is taken')
    expect(refusal(() => parseInput(SHAPES.status, { ...none, query: { wiat: 'true' } })).message).toContain('wiat')
    expect(refusal(() => readQuery(new URLSearchParams('a=1&a=2'))).message).toContain('given twice: a')
    const proto = readQuery(new URLSearchParams('__proto__=1'))
    expect(refusal(() => parseInput(SHAPES.status, { ...none, query: proto })).code).toBe('invalid')
  })

  it('parses query texts to their types', () => {
    const query = { wait: 'true', timeoutMs: '1500' }
    expect(parseInput(SHAPES.status, { ...none, query }).query).toEqual({ wait: true, timeoutMs: 1500 })
    for (const bad of [{ wait: 'yes' }, { timeoutMs: '0' }, { timeoutMs: '1e9' }, { revision: 'x' }])
      expect(refusal(() => parseInput(SHAPES.status, { ...none, query: bad })).code).toBe('invalid')
  })

  it.each(['', '{', 'null', '[]', '{"__proto__": {}}', '{"req": {"__proto__": 1}}', '{"name": 1}', '"text"'])(
    'refuses the body %j',
    (body) => {
      expect(refusal(() => parseInput(SHAPES.networkCreate, { ...none, body })).code).toBe('invalid')
    },
  )

  it('bounds the depth without parsing', () => {
    const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`
    checkDepth(nested(DEPTH_LIMIT))
    checkDepth(`{"text": "${'['.repeat(1_000)} \\" ${'{'.repeat(1_000)}"}`)
    checkDepth(`[${'[],'.repeat(1_000)}[]]`)
    expect(refusal(() => checkDepth(nested(DEPTH_LIMIT + 1))).code).toBe('invalid')
    expect(refusal(() => checkDepth('['.repeat(1_000_000))).code).toBe('invalid')
  })
})

describe('the bearer', () => {
  const secret = 'the-secret-of-the-cluster'

  it('is let in with the secret only', () => {
    checkBearer(`Bearer ${secret}`, secret)
    for (const header of [
      undefined,
      '',
      secret,
      `bearer ${secret}`,
      `Bearer ${secret}x`,
      'Bearer ',
      `Bearer ${secret} x`,
    ])
      expect(refusal(() => checkBearer(header, secret)).code).toBe('denied')
  })
})
