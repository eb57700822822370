import { describe, expect, it } from 'vitest'
import {
  CONTROLLER_SOCKET,
  findController,
  formatControllerAddress,
  parseAddress,
  type Surroundings,
} from './config.ts'

const around = (
  parts: Partial<Surroundings> & { labs?: Record<string, string>; sockets?: string[] },
): Surroundings => ({
  flag: undefined,
  env: {},
  exists: (path) => (parts.sockets ?? []).includes(path),
  labSockets: () => Promise.resolve(new Map(Object.entries(parts.labs ?? {}))),
  ...parts,
})
const find = async (parts: Parameters<typeof around>[0]) => formatControllerAddress(await findController(around(parts)))

describe('findController', () => {
  const everything = {
    flag: 'http://10.0.0.1:7474',
    env: { WEFT_CONTROLLER: 'unix:/tmp/c.sock' },
    sockets: [CONTROLLER_SOCKET],
    labs: { default: '/lab.sock' },
  }

  it('prefers the flag, then the environment, then the socket, then the lab', async () => {
    expect(await find(everything)).toBe('http://10.0.0.1:7474')
    expect(await find({ ...everything, flag: undefined })).toBe('unix:/tmp/c.sock')
    expect(await find({ ...everything, flag: undefined, env: {} })).toBe(`unix:${CONTROLLER_SOCKET}`)
    expect(await find({ labs: everything.labs })).toBe('unix:/lab.sock')
  })

  it('takes the lab that WEFT_LAB names, the default one, or the only one', async () => {
    const labs = { bench: '/bench.sock', default: '/default.sock' }
    expect(await find({ labs, env: { WEFT_LAB: 'bench' } })).toBe('unix:/bench.sock')
    expect(await find({ labs })).toBe('unix:/default.sock')
    expect(await find({ labs: { bench: '/bench.sock' } })).toBe('unix:/bench.sock')
  })

  it('does not guess between labs', async () => {
    const labs = { a: '/a.sock', b: '/b.sock' }
    await expect(find({ labs })).rejects.toMatchObject({ code: 'conflict', parts: { on: 'a, b' } })
  })

  it('says all that it tried and how to get a controller', async () => {
    const failure = await find({}).catch((error: unknown) => error)
    expect(failure).toMatchObject({ code: 'unavailable' })
    for (const word of ['--controller', 'WEFT_CONTROLLER', CONTROLLER_SOCKET, 'npm start'])
      expect(String(failure)).toContain(word)
  })
})

describe('parseAddress', () => {
  it.each([
    ['unix:/run/x.sock', 'unix:/run/x.sock'],
    ['unix:///run/x.sock', 'unix:/run/x.sock'],
    ['/run/x.sock', 'unix:/run/x.sock'],
    ['http://[fd00::1]:7474', 'http://[fd00::1]:7474'],
    ['https://weft.example', 'https://weft.example'],
  ])('%s', (text, address) => {
    expect(formatControllerAddress(parseAddress(text, '--controller'))).toBe(address)
  })

  it.each(['', 'localhost:7474', 'unix:relative.sock', 'ftp://x', 'http://x/path', 'http://user@x', '--help'])(
    'refuses %j',
    (text) => {
      expect(() => parseAddress(text, 'WEFT_CONTROLLER')).toThrow(/invalid.*WEFT_CONTROLLER/)
    },
  )
})
