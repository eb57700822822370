import { describe, expect, it } from 'vitest'
import { chooseApi, InspectedContainer } from './engine.ts'
import { readEvent } from './events.ts'
import { wasGivenUp } from './given-up.ts'

describe('API version', () => {
  it.each([
    ['20.10', { ApiVersion: '1.41', MinAPIVersion: '1.12' }, '1.41'],
    ['28', { ApiVersion: '1.51', MinAPIVersion: '1.24' }, '1.41'],
    ['29.0', { ApiVersion: '1.52', MinAPIVersion: '1.44' }, '1.44'],
    ['19.03', { ApiVersion: '1.40' }, '1.40'],
    ['of two digits, compared as numbers', { ApiVersion: '1.9' }, '1.9'],
  ])('of %s', (_, found, chosen) => {
    expect(chooseApi(found)).toBe(chosen)
  })
})

describe('events', () => {
  const event = (Type: string, Action: string, ID: string, Attributes = {}) => ({
    Type,
    Action,
    Actor: { ID, Attributes },
    time: 7,
  })
  const read = (value: unknown) => readEvent(value, (id) => id === 'ours').happening
  it.each([
    [event('network', 'connect', 'ours', { container: 'c1' }), { kind: 'named', container: 'c1' }],
    [event('network', 'connect', 'theirs', { container: 'c1' }), undefined],
    [event('network', 'disconnect', 'ours'), { kind: 'left' }],
    [event('network', 'destroy', 'theirs'), { kind: 'networks' }],
    [event('container', 'rename', 'c1'), { kind: 'named', container: 'c1' }],
    [event('container', 'die', 'c1'), { kind: 'left' }],
    [event('container', 'destroy', 'c1'), { kind: 'left' }],
    [event('container', 'exec_start: sh', 'c1'), undefined],
  ])('%j', (value, happening) => {
    expect(read(value)).toEqual(happening)
  })

  it('garbage is refused', () => {
    expect(() => read({ hello: 1 })).toThrow()
  })
})

describe('a container that Docker gave up on', () => {
  const container = (error: string, policy: string, Running = false) =>
    InspectedContainer.parse({
      Id: 'c1',
      Name: '/web',
      State: { Running, Error: error },
      HostConfig: { RestartPolicy: { Name: policy } },
      NetworkSettings: { Networks: null },
    })
  it.each([
    ['plugin "weft" not found', 'always', true],
    ['plugin "weft" not found', 'unless-stopped', true],
    ['plugin "weft" not found', 'no', false],
    ['NetworkDriver.CreateEndpoint: container not wired: 10.0.0.2: parent interface is missing', 'always', true],
    ['', 'always', false],
    ['OCI runtime create failed', 'always', false],
  ])('error %j, policy %s: %s', (error, policy, expected) => {
    expect(wasGivenUp(container(error, policy))).toBe(expected)
    expect(wasGivenUp(container(error, policy, true))).toBe(false)
  })
})
