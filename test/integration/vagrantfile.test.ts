/** The Vagrantfile as Vagrant reads it. Vagrant is 50 packages: it is installed only when asked for, by VAGRANT_INSTALL=1. */
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const VAGRANT = '/usr/bin/vagrant'
const RIG = fileURLToPath(new URL('../rig', import.meta.url))
const POLICY = '/usr/sbin/policy-rc.d'

const isAsked = process.env.VAGRANT_INSTALL === '1' && process.getuid?.() === 0
const reason = fs.existsSync(VAGRANT) || isAsked ? '' : 'needs vagrant: VAGRANT_INSTALL=1 as root installs it'
if (reason !== '') console.log(`skipped: vagrant validate: ${reason}`)

/** Debian's package, without starting anything. */
function install(): void {
  const hasPolicy = fs.existsSync(POLICY)
  if (!hasPolicy) fs.writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  try {
    const options = ['-y', '-q', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=120']
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
    execFileSync('apt-get', ['install', ...options, 'vagrant'], { env, stdio: 'pipe' })
  } finally {
    if (!hasPolicy) fs.rmSync(POLICY)
  }
}

describe.skipIf(reason !== '')('Vagrantfile', () => {
  const home = fs.mkdtempSync(path.join(os.tmpdir(), 'weft-vagrant-'))
  // Vagrant looks whether it is there, and not into it.
  const deb = path.join(home, 'weft.deb')
  const vagrant = (file: string, ...argv: string[]) => {
    const folder = path.dirname(file)
    const env = {
      ...process.env,
      ...{ VAGRANT_HOME: path.join(home, 'home'), VAGRANT_CWD: folder, VAGRANT_DOTFILE_PATH: path.join(home, 'dot') },
      ...{
        VAGRANT_VAGRANTFILE: path.basename(file),
        VAGRANT_CHECKPOINT_DISABLE: '1',
        WEFT_SECRET: 'not-a-secret',
        WEFT_DEB: deb,
      },
    }
    return execFileSync(VAGRANT, argv, { env, cwd: folder, encoding: 'utf8', stdio: 'pipe' })
  }

  beforeAll(() => {
    if (!fs.existsSync(VAGRANT)) install()
    fs.writeFileSync(deb, '')
  }, 300_000)
  afterAll(() => fs.rmSync(home, { recursive: true, force: true }))

  it('is valid, whatever provider is there', () => {
    const said = vagrant(path.join(RIG, 'Vagrantfile'), 'validate', '--ignore-provider')
    expect(said).toContain('Vagrantfile validated successfully.')
  })

  it('says what is missing when there is no package', () => {
    fs.rmSync(deb)
    try {
      expect(() => vagrant(path.join(RIG, 'Vagrantfile'), 'validate', '--ignore-provider')).toThrow(
        /weft\.deb must exist/,
      )
    } finally {
      fs.writeFileSync(deb, '')
    }
  })

  it('is refused with a mistake in it: validation does look', () => {
    const text = fs.readFileSync(path.join(RIG, 'Vagrantfile'), 'utf8')
    const bad = path.join(home, 'Vagrantfile')
    fs.writeFileSync(bad, text.replace('node.vm.hostname =', 'node.vm.hostnane ='))
    expect(() => vagrant(bad, 'validate', '--ignore-provider')).toThrow(/hostnane/)
  })
})

describe('beside the Vagrantfile', () => {
  const text = fs.readFileSync(path.join(RIG, 'Vagrantfile'), 'utf8')

  it('provisions by the rig’s own script, with the arguments that it takes', () => {
    expect(text).toContain("path: File.join(__dir__, 'provision.sh')")
    const script = fs.readFileSync(path.join(RIG, 'provision.sh'), 'utf8')
    const usage = /^# {3}provision\.sh host +(.*)$/m.exec(script)?.[1]?.replace(/[[\]]/g, '').split(' ')
    const [, args = ''] = /args: \[(machine\[:role\][^\n]*)\]\n/.exec(text) ?? []
    expect(args.split(', ').slice(1)).toHaveLength(usage?.length ?? 0)
  })

  it('has the rig’s machines', async () => {
    const { MACHINES } = await import('../rig/layout.ts')
    for (const { name, role } of MACHINES) expect(text).toContain(`{ name: '${name}', role: '${role}'`)
  })
})
