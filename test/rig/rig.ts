/** The rig as a whole: three machines made, provisioned, taken down. */
import fs from 'node:fs'
import path from 'node:path'
import { WeftError } from '@weft/shared'
import { type RigImage, rigImage } from './image.ts'
import { MACHINES, RUN } from './layout.ts'
import { Machine } from './machine.ts'
import { installNeeds } from './machine-needs.ts'
import { say } from './progress.ts'
import { readmeBlocks, runBlock } from './readme.ts'

/** Which image the machines of this rig run on. */
const IMAGE_RECORD = path.join(RUN, 'image.json')

export interface Rig {
  readonly image: RigImage
  readonly controller: Machine
  readonly hosts: readonly [Machine, Machine]
  readonly machines: readonly Machine[]
}

export interface UpOptions {
  /** Docker running with the lab's images, and the README's commands typed until the hosts have joined. */
  readonly provision: boolean
}

/** Builds what is missing, boots the three machines afresh and makes a Weft cluster of them. */
export async function up(options: UpOptions = { provision: true }): Promise<Rig> {
  const machines = MACHINES.map((layout) => new Machine(layout))
  const running = machines.filter((machine) => machine.pid() !== undefined)
  if (running.length > 0)
    throw new WeftError('conflict', {
      what: 'the rig is up already',
      on: running.map(({ name }) => name).join(', '),
      remedy: 'npm run rig -- down',
    })
  await installNeeds()
  const image = await rigImage()
  say('booting controller, docker1, docker2')
  fs.mkdirSync(RUN, { recursive: true })
  try {
    await Promise.all(
      machines.map(async (machine) => {
        await machine.makeDisk(image)
        await machine.powerOn(image)
        const state = await machine.ready()
        say(`${machine.name}: ${state}`)
        if (state !== 'running')
          throw new WeftError('internal', { what: `${machine.name} is ${state}`, why: await failures(machine) })
      }),
    )
    if (options.provision) await provision(machines)
  } catch (error) {
    await down()
    throw error
  }
  fs.writeFileSync(IMAGE_RECORD, JSON.stringify(image))
  return toRig(image, machines)
}

/** The rig that is up. Throws `unavailable` when a machine does not run. */
export function attach(): Rig {
  const machines = MACHINES.map((layout) => new Machine(layout))
  const missing = machines.filter((machine) => machine.pid() === undefined)
  if (missing.length === 0 && fs.existsSync(IMAGE_RECORD))
    return toRig(JSON.parse(fs.readFileSync(IMAGE_RECORD, 'utf8')) as RigImage, machines)
  const on = missing.map(({ name }) => name).join(', ') || 'it is still being made'
  throw new WeftError('unavailable', { what: 'machines are not up', on, remedy: 'npm run rig -- up' })
}

/** Cuts the power of all machines and removes their disks. Absent ones are fine. */
export async function down(): Promise<void> {
  await Promise.all(MACHINES.map((layout) => new Machine(layout).powerOff()))
  fs.rmSync(RUN, { recursive: true, force: true })
}

/** Console, failed units and journal of a machine, for a person who looks for a cause. */
export async function failures(machine: Machine): Promise<string> {
  const script =
    'systemctl --failed --no-legend --plain || true; journalctl --boot --no-pager --lines=150 --output=short-precise || true'
  const console_ = path.join(machine.layout.folder, 'console.log')
  const tail = fs.existsSync(console_) ? fs.readFileSync(console_, 'utf8').slice(-2000) : ''
  const journal = await machine.shell(script).catch((error: unknown) => WeftError.from(error).message)
  return `== ${machine.name}\n${tail}\n${journal}`
}

/** What the README's reader has: Docker on two machines. Then the README's own commands, block by block. */
async function provision(machines: readonly Machine[]): Promise<void> {
  const hosts = machines.filter(({ layout }) => layout.role === 'host')
  const engines = hosts.map(async (host) => {
    await host.must(['systemctl', 'enable', '--quiet', '--now', 'docker'], { timeoutMs: 180_000 })
    await host.must(['/var/lib/rig/load-images'], { timeoutMs: 120_000 })
    say(`${host.name}: Docker runs`)
  })
  const blocks = await readmeBlocks('set-up')
  // Each machine in the README's order, and none waits for another before it joins.
  const typed = machines.map(async (machine) => {
    for (const block of blocks.filter(({ joins }) => !joins)) await runBlock(block, [machine])
    say(`${machine.name}: typed what the README says before hosts join`)
  })
  await Promise.all([...typed, ...engines])
  for (const block of blocks.filter(({ joins }) => joins)) await runBlock(block, machines)
  say('README: the hosts have joined')
}

function toRig(image: RigImage, machines: readonly Machine[]): Rig {
  const [controller, first, second] = machines
  if (controller === undefined || first === undefined || second === undefined)
    throw new WeftError('internal', { what: 'the rig has three machines' })
  return { image, controller, hosts: [first, second], machines }
}
