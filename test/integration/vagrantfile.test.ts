/**
 * The Vagrantfile as Vagrant reads it. Debian's vagrant, 50 packages, is installed where it is not there; where that fails,
 * skipped with the reason.
 */
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const VAGRANT = '/usr/bin/vagrant'
const RIG = fileURLToPath(new URL('../rig', import.meta.url))
const POLICY = '/usr/sbin/policy-rc.d'
const APT = ['-y', '-q', '-o', 'DPkg::Lock::Timeout=120', '-o', 'Acquire::Retries=5']

const reason = whyNot()
if (reason !== '') console.log(`skipped: vagrant validate: ${reason}`)

/** Empty when vagrant is there, perhaps by now. */
function whyNot(): string {
  if (fs.existsSync(VAGRANT)) return ''
  if (process.getuid?.() !== 0) return 'vagrant is missing, and only root may install it'
  try {
    install()
    return ''
  } catch (error) {
    const { stderr = '', message } = error as Error & { stderr?: string }
    return `vagrant cannot be installed: ${stderr.trim() || message}`
  }
}

/** Debian's package, without starting anything. */
function install(): void {
  const hasPolicy = fs.existsSync(POLICY)
  if (!hasPolicy) fs.writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const apt = (...argv: string[]) =>
    execFileSync('apt-get', [...APT, ...argv], { env, encoding: 'utf8', stdio: 'pipe', timeout: 200_000 })
  try {
    apt('update')
    apt('install', '--no-install-recommends', 'vagrant')
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
      ...{ VAGRANT_VAGRANTFILE: path.basename(file), VAGRANT_CHECKPOINT_DISABLE: '1', WEFT_DEB: deb },
    }
    return execFileSync(VAGRANT, argv, { env, cwd: folder, encoding: 'utf8', stdio: 'pipe' })
  }

  beforeAll(() => {
    fs.writeFileSync(deb, '')
  })
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

  it('types the README’s commands by the rig’s own script', () => {
    expect(text).toContain("File.join(__dir__, 'provision.sh') => 'provision.sh'")
    expect(text).toContain("README = File.join(__dir__, '../../README.md')")
    const readme = path.join(RIG, '../../README.md')
    const script = (...argv: string[]) => execFileSync('sh', [path.join(RIG, 'provision.sh'), readme, ...argv])
    const setUp = String(script())
      .split('\n')
      .filter((line) => line.includes(' set-up '))
    expect(setUp.map((line) => line.split(' ').slice(2))).toEqual([['all'], ['controller'], ['docker1', 'docker2']])
    expect(() => script('3')).toThrow(/wants the string that weft controller init printed/)
  })

  it('gives two commands what only the machine knows', () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'weft-provision-'))
    try {
      // Each command says how it was called, and does nothing.
      for (const name of ['apt-get', 'systemctl', 'weft'])
        fs.writeFileSync(path.join(folder, name), `#!/bin/sh\necho "${name} $*"\n`, { mode: 0o755 })
      const argv = [path.join(RIG, 'provision.sh'), path.join(RIG, '../../README.md')]
      const env = { ...process.env, PATH: `${folder}:${process.env.PATH}`, WEFT_LISTEN: '192.0.2.10:7474' }
      const typed = (...more: string[]) =>
        execFileSync('sh', [...argv, ...more], { env, encoding: 'utf8', stdio: 'pipe' })
          .trim()
          .split('\n')
      expect(typed('2').at(-1)).toBe('weft controller init --listen 192.0.2.10:7474')
      expect(typed('3', '/tmp/weft-join')).toEqual(['weft join /tmp/weft-join'])
    } finally {
      fs.rmSync(folder, { recursive: true, force: true })
    }
  })

  it('reads all that the rig’s box tells it', () => {
    const box = fs.readFileSync(path.join(RIG, 'vagrant/box.ts'), 'utf8')
    const told = [...box.matchAll(/^ {4}(WEFT_\w+):/gm)].map(([, name]) => name)
    expect(told).toContain('WEFT_KERNEL')
    expect(told.filter((name) => !text.includes(`'${name}'`))).toEqual([])
  })

  it('has the rig’s machines', async () => {
    const { MACHINES } = await import('../rig/layout.ts')
    for (const { name, role } of MACHINES) expect(text).toContain(`{ name: '${name}', role: '${role}'`)
  })
})
