/**
 * `npm run rig -- vagrant …`: the Vagrantfile on a machine that neither virtualises nor has a libvirt of its own.
 *   vagrant up        libvirtd in namespaces of its own, the box, `vagrant up` of the three machines
 *   vagrant WORDS …   any other command of Vagrant's, there: vagrant ssh docker1, vagrant status
 *   vagrant story     a network on a VLAN, a container on each host, pings
 *   vagrant down      all of it ended and removed
 *   vagrant show      up, story, down
 */
import { type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import path from 'node:path'
import { WeftError } from '@weft/shared'
import { waitFor } from '../../../cli/src/lab/wait.ts'
import { CACHE, RIG_NAME } from '../layout.ts'
import { installNeeds, VAGRANT_PROGRAMS, whyNot } from '../machine-needs.ts'
import { say } from '../progress.ts'
import { vagrantBox } from './box.ts'

const FOLDER = path.join(CACHE, 'vagrant', RIG_NAME)
const VAGRANT = '/usr/bin/vagrant'
const at = (name: string) => path.join(FOLDER, name)
const beside = (name: string) => path.join(import.meta.dirname, name)

/** @returns the exit code */
export async function vagrant(words: readonly string[]): Promise<number> {
  const [verb = 'help'] = words
  if (verb === 'up') return await up(words)
  if (verb === 'story') return await inside(['sh', beside('story')])
  if (verb === 'show') return await show()
  if (verb === 'down') return await down()
  return await inside([VAGRANT, ...words])
}

async function show(): Promise<number> {
  try {
    const code = await up(['up'])
    if (code !== 0) return code
    say('story')
    return await inside(['sh', beside('story')])
  } finally {
    await down()
  }
}

async function up(words: readonly string[]): Promise<number> {
  const reason = whyNot()
  if (reason !== undefined) throw new WeftError('unsupported', { what: 'Vagrant cannot run here', why: reason })
  await installNeeds()
  await installNeeds(VAGRANT_PROGRAMS)
  const environment = await vagrantBox()
  fs.mkdirSync(FOLDER, { recursive: true })
  fs.writeFileSync(at('environment.json'), JSON.stringify(environment))
  if (first() === undefined) await startLibvirt()
  say('vagrant up')
  // Into a file, thousands of lines would say how far the box has been copied.
  const code = await inside([VAGRANT, ...words, ...(process.stdout.isTTY ? [] : ['--no-tty'])])
  say(`vagrant up ended with ${code}`)
  return code
}

/** As the rig's machines: at a low priority, and what everybody forgot ends by itself. */
async function startLibvirt(): Promise<void> {
  say('libvirtd')
  const log = fs.openSync(at('libvirtd.log'), 'a')
  const bounded = ['timeout', '--kill-after=5', process.env.RIG_LIFETIME ?? '4h']
  const alone = ['unshare', '--mount', '--net', '--pid', '--fork', '--kill-child', '--mount-proc']
  const argv = ['-n', '15', ...bounded, ...alone, 'sh', beside('libvirt-alone'), FOLDER]
  const keeper = spawn('nice', argv, { detached: true, stdio: ['ignore', log, log] })
  fs.closeSync(log)
  keeper.unref()
  fs.writeFileSync(at('pid'), `${keeper.pid}\n`)
  const listens = () => {
    if (keeper.exitCode !== null)
      throw new WeftError('internal', { what: 'libvirtd ended', why: fs.readFileSync(at('libvirtd.log'), 'utf8') })
    const pid = first()
    return pid !== undefined && fs.existsSync(`/proc/${pid}/root/run/libvirt/libvirt-sock`) ? true : undefined
  }
  await waitFor(listens, { what: 'libvirtd to listen', timeoutMs: 30_000 })
}

/** Runs a program among libvirtd and its machines, at this terminal. */
async function inside(argv: readonly string[]): Promise<number> {
  const pid = first()
  if (pid === undefined)
    throw new WeftError('unavailable', { what: 'no libvirtd of ours runs', remedy: 'npm run rig -- vagrant up' })
  const environment = JSON.parse(fs.readFileSync(at('environment.json'), 'utf8')) as Record<string, string>
  const env = {
    ...process.env,
    ...environment,
    ...{
      VAGRANT_HOME: at('home'),
      VAGRANT_DOTFILE_PATH: at('machines'),
      VAGRANT_CWD: path.dirname(import.meta.dirname),
    },
    ...{ VAGRANT_DEFAULT_PROVIDER: 'libvirt', VAGRANT_CHECKPOINT_DISABLE: '1' },
  }
  const options: SpawnOptions = { stdio: 'inherit', env }
  const child = spawn('nsenter', ['--target', String(pid), '--mount', '--net', '--pid', '--', ...argv], options)
  const [code] = (await once(child, 'exit')) as [number | null]
  return code ?? 1
}

/** Process id of the first process in libvirtd's namespaces, if it runs. */
function first(): number | undefined {
  const keeper = keeperPid()
  return keeper === undefined ? undefined : childOf(childOf(keeper))
}

function keeperPid(): number | undefined {
  if (!fs.existsSync(at('pid'))) return undefined
  const pid = Number(fs.readFileSync(at('pid'), 'utf8'))
  const commandLine = `/proc/${pid}/cmdline`
  // The number may be another process's by now: ours names its folder.
  return fs.existsSync(commandLine) && fs.readFileSync(commandLine, 'utf8').includes(FOLDER) ? pid : undefined
}

function childOf(pid: number | undefined): number | undefined {
  const file = `/proc/${pid}/task/${pid}/children`
  const child = fs.existsSync(file) ? Number(fs.readFileSync(file, 'utf8').trim().split(' ')[0]) : 0
  return child > 0 ? child : undefined
}

async function down(): Promise<number> {
  const pid = keeperPid()
  if (pid !== undefined) process.kill(pid, 'SIGTERM')
  await waitFor(() => keeperPid() === undefined, { what: 'libvirtd to end', timeoutMs: 20_000 })
  fs.rmSync(FOLDER, { recursive: true, force: true })
  say('libvirtd, its machines and their disks are gone')
  return 0
}
