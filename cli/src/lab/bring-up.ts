/** Bringing a lab up: wire, hosts, Docker with its images, then Weft. What fails or is interrupted is taken down. */
import fs from 'node:fs'
import path from 'node:path'
import { WeftError } from '@weft/shared'
import { createClient } from '../client/client.ts'
import { waitUntilConverged } from '../setup/wait-until-converged.ts'
import { type DockerdOptions, startDockerd } from './dockerd.ts'
import { type EngineName, prepareEngine } from './engine.ts'
import { makeHost } from './host.ts'
import { buildImages, loadImages } from './images.ts'
import { DEFAULT_LAB, LABS_ROOT } from './layout.ts'
import { checkPrograms, startAgent, startController, startResolver } from './programs.ts'
import { describeLab, type Lab, listHosts, writeRecord } from './record.ts'
import { makeSwitch, plug } from './switch.ts'
import { labNamespaces, takeDown } from './take-down.ts'

export interface BringUpOptions {
  /** 1 to 12 lower-case letters and digits; labs of different names live side by side. */
  readonly name?: string
  /** Number of Docker hosts. */
  readonly hosts?: number
  /** Bytes, of the underlay. */
  readonly mtu?: number
  /** False makes the Docker hosts only, without controller and agents. */
  readonly control?: boolean
  readonly docker?: DockerdOptions
  /** Another Docker engine than the machine's own. */
  readonly engine?: EngineName
  /** Folder of all labs. */
  readonly root?: string
  /** Folder that keeps the images' files between labs. */
  readonly cache?: string
  /** Aborting takes down what exists, and `bringUp` throws. */
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: Progress) => void
}

export interface Progress {
  /** What is done now, for a person. */
  readonly step: string
  /** Since bringing up began. */
  readonly elapsedMs: number
}

/**
 * Brings a lab up and returns when everything in it serves; it stays up when this process ends.
 * Throws `conflict` when a lab of that name exists, `invalid` for bad options, the signal's reason when aborted, else
 * what failed; in both last cases after taking down.
 */
export async function bringUp(options: BringUpOptions = {}): Promise<Lab> {
  const { name = DEFAULT_LAB, hosts = 2, mtu = 1500, control = true, root = LABS_ROOT } = options
  if (!Number.isInteger(mtu) || mtu < 1280 || mtu > 65_535)
    throw new WeftError('invalid', { what: 'MTU of the underlay', on: String(mtu), why: '1280 (IPv6) to 65535 bytes' })
  const lab = describeLab({ name, hostCount: hosts, mtu, control }, root)
  if (control) checkPrograms()
  claim(lab)
  try {
    await build(lab, options)
    writeRecord(lab)
    return lab
  } catch (error) {
    await takeDown(name, root).catch((left) => {
      throw new AggregateError([error, left], `${WeftError.from(error).message}\n${WeftError.from(left).message}`)
    })
    throw options.signal?.aborted === true ? options.signal.reason : error
  }
}

/** Takes the lab's name: making its folder is the one step that only one of two can do. */
function claim(lab: Lab): void {
  fs.mkdirSync(path.dirname(lab.layout.folder), { recursive: true })
  const taken = () =>
    new WeftError('conflict', {
      what: 'a lab of that name is up, or was not taken down',
      on: lab.name,
      remedy: `take it down with: weft lab down${lab.name === DEFAULT_LAB ? '' : ` --name ${lab.name}`}`,
    })
  if (labNamespaces(lab.name).length > 0) throw taken()
  try {
    fs.mkdirSync(lab.layout.folder)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw taken()
    throw error
  }
}

async function build(lab: Lab, options: BringUpOptions): Promise<void> {
  const startMs = performance.now()
  const say = (step: string) => options.onProgress?.({ step, elapsedMs: performance.now() - startMs })
  const { signal } = options
  const images = buildImages(options.cache, signal)
  // Read below; without this a failure before that point would be an unhandled rejection as well.
  images.catch(() => undefined)

  if (options.engine !== undefined) say(`Docker ${options.engine}`)
  const engine = options.engine === undefined ? undefined : await prepareEngine(options.engine, options.cache, signal)
  say(`wire and ${lab.hosts.length} hosts`)
  await makeSwitch(lab.layout, lab.mtu, signal)
  await all(listHosts(lab), async (host) => {
    await makeHost(host, engine, signal)
    await plug(lab.layout, host, lab.mtu, signal)
    shareControllerSocket(lab, host.run)
  })

  const controller = lab.control ? startController(lab.layout, signal).then(() => say('controller serves')) : undefined
  say('Docker on every host')
  await all([undefined, ...lab.hosts], async (host) => {
    if (host === undefined) return await controller
    await startDockerd(host, options.docker, signal)
    say(`${host.name}: Docker serves`)
    await loadImages(host, await images, signal)
    say(`${host.name}: images loaded`)
  })

  if (!lab.control) return
  await all(lab.hosts, async (host) => {
    await startResolver(host, signal)
    await startAgent(lab.layout, host, signal)
    say(`${host.name}: agent serves`)
  })
  const client = createClient({ address: { kind: 'unix', path: lab.layout.controllerSocket } })
  await all(lab.hosts, async ({ name, folder }) => {
    await waitUntilConverged(client, name, `its logs are in ${folder}`)
    say(`${name}: has joined`)
  })
}

/** Runs one task per item side by side and waits for all of them, so that none still builds while we take down. */
async function all<T>(items: readonly T[], task: (item: T) => Promise<void>): Promise<void> {
  const results = await Promise.allSettled(items.map(task))
  const failed = results.find((result) => result.status === 'rejected')
  if (failed !== undefined) throw failed.reason
}

/** The controller's socket under its usual path in every host, so that `weft` needs no configuration there. */
function shareControllerSocket(lab: Lab, run: string): void {
  const link = path.join(run, 'weft/controller.sock')
  if (link !== lab.layout.controllerSocket) fs.symlinkSync(lab.layout.controllerSocket, link)
}
