/**
 * A real application, spread over two hosts by Compose (version 1 on Debian's engine, 2 on newer ones): a web server that asks a cache and a database by name, and a
 * PostgreSQL primary with its streaming replica, which survive restarts of agents and of Docker (issue point 12).
 */
import path from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { findHost, startAgent, startDockerd, stopDockerd, stopProgram } from '../../cli/src/lab/index.ts'
import { inspected, on, tryOn, weft } from '../../cli/src/lab/scenario/check.ts'
import { APPLICATION_IMAGE, applicationImage, applicationLacks } from '../support/application-image.ts'
import { composeLacks, composeProgram } from '../support/compose.ts'
import { eventually, useLab, wantedEngine } from '../support/lab.ts'

const FOLDER = path.join(import.meta.dirname, 'application')
const lacks = composeLacks || applicationLacks
const WITHIN_MS = 60_000

if (lacks !== '') console.log(`skipped: application by Compose: ${lacks}`)

describe.skipIf(lacks !== '')('application by Compose over two hosts', () => {
  const lab = useLab('app')
  let program = ''
  const compose = (host: string, ...argv: string[]) => {
    const env = [`SITE=${path.join(FOLDER, 'site')}`, 'PYTHONWARNINGS=ignore']
    return on(lab(), host, 'env', ...env, program, '-p', 'shop', '-f', path.join(FOLDER, `${host}.yml`), ...argv)
  }
  const sql = async (host: string, container: string, text: string) => {
    const argv = ['docker', 'exec', container, 'psql', '-h', '/tmp', '-U', 'postgres', '-Atc', text]
    const { code, stdout } = await tryOn(lab(), host, ...argv)
    return code === 0 ? stdout.trim() : undefined
  }
  /** A row written on the primary is read on the replica. */
  const replicates = async (name: string) => {
    const written = (probe: string | undefined) => (probe?.startsWith('INSERT') ? true : undefined)
    await eventually(`primary takes ${name}`, WITHIN_MS, async () =>
      written(await sql('docker1', 'db', `insert into goods values ('${name}')`)),
    )
    await eventually(`replica has ${name}`, WITHIN_MS, async () => {
      const found = await sql('docker2', 'replica', `select count(*) from goods where name = '${name}'`)
      return found === '1' ? true : undefined
    })
  }
  const page = () =>
    on(lab(), 'docker2', 'docker', 'run', '--rm', '--network', 'front', 'weft/tools', 'curl', '-sS', 'http://www/')

  beforeAll(async () => {
    program = await composeProgram(wantedEngine().engine)
    const tar = await applicationImage()
    await Promise.all(['docker1', 'docker2'].map((host) => on(lab(), host, 'docker', 'import', tar, APPLICATION_IMAGE)))
    await weft(lab(), 'network', 'create', '--subnet', '10.80.0.0/24', 'front')
    await weft(lab(), 'network', 'create', '--subnet', '10.81.0.0/24', '--internal', 'back')
    await Promise.all(['docker1', 'docker2'].map((host) => compose(host, 'up', '-d')))
    const table = "create table goods (name text); insert into goods values ('bread'), ('salt')"
    await eventually('the database serves', WITHIN_MS, () => sql('docker1', 'db', table))
  }, 600_000)

  it('gives the fixed addresses of the files', async () => {
    expect((await inspected(lab(), 'docker1', 'web', 'front')).IPAddress).toBe('10.80.0.80')
    expect((await inspected(lab(), 'docker1', 'db', 'back')).IPAddress).toBe('10.81.0.10')
  })

  it('the web server asks cache and database by name, across hosts and networks', async () => {
    expect(await page()).toBe('visits 1\ngoods bread salt')
    expect(await page()).toBe('visits 2\ngoods bread salt')
  })

  it('the replica follows its primary on the other host', async () => {
    await replicates('oil')
    const state = 'select state, client_addr from pg_stat_replication'
    expect(await sql('docker1', 'db', state)).toBe(
      `streaming|${(await inspected(lab(), 'docker2', 'replica', 'back')).IPAddress}`,
    )
    expect(await sql('docker2', 'replica', 'select pg_is_in_recovery()')).toBe('t')
  })

  it('replication goes on while both agents are dead, and after they are back', async () => {
    const agents = ['docker1', 'docker2'].map((name) => findHost(lab(), name))
    await Promise.all(agents.map((host) => stopProgram(host, 'SIGKILL')))
    await replicates('wine')
    await Promise.all(agents.map((host) => startAgent(lab().layout, host)))
    await replicates('milk')
    expect(await sql('docker1', 'db', 'select count(*) from pg_stat_replication')).toBe('1')
  })

  it("the primary's Docker restarts, then the replica's: replication and page come back, the fixed address stays", async () => {
    for (const name of ['docker1', 'docker2']) {
      const host = findHost(lab(), name)
      await stopDockerd(host)
      await startDockerd(host)
      await replicates(`after ${name}`)
    }
    expect((await inspected(lab(), 'docker1', 'db', 'back')).IPAddress).toBe('10.81.0.10')
    const answer = await eventually('the page is served', WITHIN_MS, async () => {
      const text = await page().catch(() => undefined)
      return text?.includes('goods after docker1 after docker2 bread milk') ? text : undefined
    })
    expect(answer).toMatch(/^visits \d+\n/)
  })

  it('compose down and up again on the other host: names lead there', async () => {
    await compose('docker2', 'stop', 'cache')
    await compose('docker2', 'rm', '-f', 'cache')
    const argv = ['redis-server', '--bind', '0.0.0.0', '--protected-mode', 'no', '--save', '']
    await on(
      lab(),
      'docker1',
      'docker',
      'run',
      '-d',
      '--name',
      'cache',
      '--network',
      'back',
      APPLICATION_IMAGE,
      ...argv,
    )
    await eventually('the page counts anew', 10_000, async () => {
      return (await page()).startsWith('visits 1\n') ? true : undefined
    })
  })
})
