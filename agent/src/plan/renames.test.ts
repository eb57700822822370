import { EMPTY_HOST_STATE } from '@weft/shared'
import { expect, it } from 'vitest'
import { aLocal } from '../../../test/support/networks.ts'
import { renameOps } from './renames.ts'

const BOX = '/var/run/docker/netns/c1'
const seen = (...names: string[]) => ({
  ...EMPTY_HOST_STATE,
  links: names.map((name) => ({ kind: 'other', netns: BOX, name }) as const),
})
const of = (...parts: Parameters<typeof aLocal>) => new Map([['n', [aLocal(...parts)]]])

it('renames what Docker numbered', () => {
  const { ops, problems } = renameOps(of(1, 'sandbox', { ifname: 'eth7' }), seen('eth0'))
  expect(ops).toEqual([{ op: 'link-set', netns: BOX, name: 'eth0', set: { name: 'eth7' } }])
  expect(problems).toEqual([])
})

it.each([
  ['has the name', of(1, 'sandbox', { ifname: 'eth0' }), seen('eth0')],
  ['is to keep whatever name it has', of(1, 'sandbox'), seen('eth0')],
  ['is under way', of(1, 'in-flight', { ifname: 'eth7' }), seen('eth0')],
  ['is not there', of(1, 'sandbox', { ifname: 'eth7' }), seen('lo')],
])('leaves one alone that %s', (_, endpoints, observed) => {
  expect(renameOps(endpoints, observed)).toEqual({ ops: [], problems: [] })
})

it('tells of a name that is taken, and renames nothing', () => {
  const { ops, problems } = renameOps(of(1, 'sandbox', { ifname: 'eth1' }), seen('eth0', 'eth1'))
  expect(ops).toEqual([])
  expect(problems).toMatchObject([{ code: 'conflict', network: 'n', message: expect.stringContaining('c1') }])
})
