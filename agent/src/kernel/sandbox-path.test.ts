import { expect, it } from 'vitest'
import { parseSandbox, sandboxText } from './sandbox-path.ts'

it.each([
  [{ path: '/run/netns/blue', cookie: '4711' }, '/run/netns/blue#4711'],
  [{ path: '/proc/7/ns/net', cookie: '1' }, '/proc/7/ns/net#1'],
  [{ path: '/var/run/docker/netns/c5b851ae0ab8' }, '/var/run/docker/netns/c5b851ae0ab8'],
])('writes and reads %o', (sandbox, text) => {
  expect(sandboxText(sandbox)).toBe(text)
  expect(parseSandbox(text)).toEqual(sandbox)
})
