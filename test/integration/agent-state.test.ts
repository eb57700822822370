/** The state file on a real file system. */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { StateStore } from '../../agent/src/state/store.ts'
import { record, state, uidOf } from '../support/builders.ts'
import { QUIET } from '../support/plugin.ts'

describe('state file', () => {
  let folder = ''
  let file = ''
  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'weft-state-'))
    file = path.join(folder, 'data/agent-state')
  })
  afterEach(() => fs.rmSync(folder, { recursive: true, force: true }))

  const open = () => StateStore.open({ file, log: QUIET, newInstance: () => 'fresh-instance' })
  const full = state({}, [record()])

  it('is what the next agent begins with', async () => {
    const store = open()
    store.change(() => full)
    await store.durable()
    expect(open().current).toEqual(full)
    expect(fs.readdirSync(path.dirname(file))).toEqual(['agent-state', 'agent-state.instance'])
    expect(fs.statSync(file).mode & 0o777).toBe(0o600)
  })

  it('`written` follows the disk, not the memory', async () => {
    const store = open()
    store.change(() => full)
    expect(store.written.endpoints.size).toBe(0)
    await store.durable()
    expect(store.written).toBe(store.current)
  })

  it('many changes are few writes, and each is on disk when its waiter hears', async () => {
    const store = open()
    await Promise.all(
      Array.from({ length: 200 }, async (_, index) => {
        const uid = index.toString(16).padStart(20, '0')
        store.change((before) => ({ ...before, endpoints: new Map(before.endpoints).set(uid, record({ uid })) }))
        await store.durable()
        expect(fs.readFileSync(file, 'utf8')).toContain(uid)
      }),
    )
    expect(open().current.endpoints.size).toBe(200)
  })

  describe('what is kept', () => {
    const withEndpoint = (store: StateStore, letter: string) =>
      store.change((before) => ({
        ...before,
        endpoints: new Map(before.endpoints).set(uidOf(letter), record({ uid: uidOf(letter) })),
      }))
    const uids = () => [...open().current.endpoints.keys()]
    const liveFiles = () => [0, 1].map((turn) => `${file}.live-${turn}`).filter((each) => fs.existsSync(each))

    it('is what the next agent begins with, at once and without an fsync of the intent', async () => {
      const store = open()
      store.change(() => full)
      await store.durable()
      const before = fs.readFileSync(file, 'utf8')
      withEndpoint(store, 'k')
      store.keep()
      expect(uids()).toEqual([uidOf('e'), uidOf('k')])
      expect(store.written).toEqual(store.current)
      expect(fs.readFileSync(file, 'utf8')).toBe(before)
    })

    it('has no intent that is not fsynced: nobody may act on that', async () => {
      const store = open()
      store.change(() => full)
      await store.durable()
      store.change((before) => ({ ...before, entries: new Map(), position: null }))
      withEndpoint(store, 'k')
      store.keep()
      expect(store.written.entries).toBe(full.entries)
      expect(open().current.entries).toEqual(full.entries)
      expect(uids()).toContain(uidOf('k'))
    })

    it('before there is a state file makes one', () => {
      const store = open()
      store.change(() => full)
      store.keep()
      expect(uids()).toEqual([uidOf('e')])
    })

    it('is never uncovered by a state file that was begun before it', async () => {
      const store = open()
      store.change(() => full)
      await store.durable()
      let done = false
      for (let round = 0; round < 20; round++) {
        store.change((before) => ({ ...before, instance: `instance${round}` }))
        const writing = store.durable().then(() => {
          done = true
        })
        done = false
        for (let step = 0; !done; step++) {
          const letter = 'abcdefgh'[(round + step) % 8] ?? ''
          store.change((before) => ({
            ...before,
            endpoints: new Map([[uidOf(letter), record({ uid: uidOf(letter) })]]),
          }))
          store.keep()
          expect(uids()).toEqual([uidOf(letter)])
          await new Promise((resolve) => setImmediate(resolve))
        }
        await writing
        expect(open().current).toEqual(store.current)
      }
    })

    it('over another state file is old; garbage there removes nothing', async () => {
      const store = open()
      store.change(() => full)
      await store.durable()
      withEndpoint(store, 'k')
      store.keep()
      const live = liveFiles().map((each) => [each, fs.readFileSync(each)] as const)
      await store.durable()
      store.change(() => full)
      await store.durable()
      for (const [each, text] of live) fs.writeFileSync(each, text)
      expect(open().current).toEqual(full)
      for (const [each] of live) fs.writeFileSync(each, 'garbage')
      expect(open().current).toEqual({ ...full, endpointsKnown: false })
    })

    it('that was cut off in its writing leaves the one before', async () => {
      const store = open()
      store.change(() => full)
      await store.durable()
      const kept = [...'kmnpq'].map((letter) => {
        withEndpoint(store, letter)
        store.keep()
        return uids()
      })
      const newest = liveFiles().find((each) => fs.readFileSync(each, 'utf8').includes(uidOf('q'))) ?? ''
      const text = fs.readFileSync(newest)
      for (const length of [text.length - 1, Math.trunc(text.length / 2), 1, 0]) {
        fs.writeFileSync(newest, text.subarray(0, length))
        expect(uids()).toEqual(kept.at(-2))
        expect(open().current.endpointsKnown).toBe(full.endpointsKnown)
      }
      fs.writeFileSync(newest, text)
      expect(uids()).toEqual(kept.at(-1))
    })

    it('goes on after the one that a new agent found', async () => {
      const first = open()
      first.change(() => full)
      await first.durable()
      for (const letter of 'kmn') {
        const store = open()
        withEndpoint(store, letter)
        store.keep()
        expect(uids()).toContain(uidOf(letter))
      }
      expect(uids()).toEqual(expect.arrayContaining([...'kmn'].map(uidOf)))
    })

    it('is fsynced soon', async () => {
      const store = open()
      store.change(() => full)
      await store.durable()
      withEndpoint(store, 'k')
      store.keep()
      await new Promise((resolve) => setTimeout(resolve, 800))
      for (const each of liveFiles()) fs.rmSync(each)
      expect(uids()).toContain(uidOf('k'))
    })
  })

  it.each([
    ['cut', (text: string) => text.slice(0, text.length / 2)],
    ['garbled', (text: string) => text.replaceAll('0', '1')],
    ['empty', () => ''],
  ])('%s: it is moved aside, the agent keeps its name and knows that it knows nothing', async (_, spoil) => {
    const store = open()
    store.change(() => full)
    await store.durable()
    expect(open().current.instance).toBe('instance1')
    fs.writeFileSync(file, spoil(fs.readFileSync(file, 'utf8')))
    const next = open()
    expect(next.current).toMatchObject({ endpointsKnown: false, position: null, identity: null })
    expect(next.current.instance).toBe('instance1')
    const left = fs.readdirSync(path.dirname(file)).sort()
    expect(left).toEqual([expect.stringMatching(/^agent-state\.bad-\d+$/), 'agent-state.instance'])
  })

  it('that cannot be written fails its waiters, says why, and is written later', async () => {
    const store = open()
    fs.rmSync(path.dirname(file), { recursive: true })
    store.change(() => full)
    await expect(store.durable()).rejects.toThrow(/state file not written/)
    expect(store.failure?.code).toBe('unavailable')
    fs.mkdirSync(path.dirname(file))
    store.change((before) => ({ ...before, endpoints: new Map([[uidOf('a'), record({ uid: uidOf('a') })]]) }))
    await store.durable()
    expect([store.failure, open().current.endpoints.size]).toEqual([undefined, 1])
  })
})
