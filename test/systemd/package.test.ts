/** The package's life on a host that carries traffic: upgraded, removed, installed again, purged. */
import fs from 'node:fs'
import path from 'node:path'
import { WEFT_LINK_GROUP } from '@weft/shared'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { run } from '../../cli/src/lab/run.ts'
import { bootOverlay, type Machine, type Overlay, reaches, runContainer } from './machine.ts'
import { tarball, whyNot } from './tree.ts'

const DEB = '/var/lib/test/weft.deb'
const UNITS = ['weft-agent.service', 'weft-dns.service', 'weft-controller.service'] as const
const reason = whyNot()

describe.skipIf(reason !== undefined)(`the package's life${reason === undefined ? '' : ` (${reason})`}`, () => {
  let machines: Overlay
  let first: Machine
  let second: Machine
  let address = ''

  beforeAll(async () => {
    machines = await bootOverlay()
    first = machines.first
    second = machines.second
    address = machines.addresses[0]
  })
  afterAll(() => machines?.close())

  const pids = () => Promise.all(UNITS.map((unit) => first.property(unit, 'MainPID')))

  it('an upgrade starts every program anew, keeps the socket and what an admin wrote, and loses no packet', async () => {
    const before = await pids()
    const socket = await first.must(['stat', '-c', '%i', '/run/docker/plugins/weft.sock'])
    fs.appendFileSync(path.join(first.root, 'etc/weft/agent.env'), 'WEFT_AGENT_FLAGS="--log-level debug"\n')
    const pinging = second.exec(['docker', 'exec', 'c2', 'ping', '-i', '0.1', '-w', '12', '-W', '5', address])
    await first.must(['dpkg', '--force-unsafe-io', '--force-confold', '--install', DEB], { timeoutMs: 120_000 })
    const [, sent = '', received = ''] = /(\d+) packets transmitted, (\d+) /.exec((await pinging).out) ?? []
    expect(Number(sent)).toBeGreaterThan(50)
    expect(received).toBe(sent)
    const after = await pids()
    expect(after.filter((pid, index) => pid === before[index] || pid === '0')).toEqual([])
    expect(await first.must(['stat', '-c', '%i', '/run/docker/plugins/weft.sock'])).toBe(socket)
    expect(await first.must(['cat', '/etc/weft/agent.env'])).toContain('--log-level debug')
    expect(await reaches(second, 'c2', 'c1')).toBe(true)
  })

  it('is disabled where it was disabled: an upgrade enables and starts nothing', async () => {
    await second.must(['systemctl', 'disable', '--now', '--quiet', 'weft-dns.service'])
    await second.must(['dpkg', '--force-unsafe-io', '--install', DEB], { timeoutMs: 120_000 })
    expect(await second.property('weft-controller.service', 'ActiveState')).toBe('inactive')
    expect((await second.exec(['systemctl', 'is-enabled', 'weft-dns.service'])).out.trim()).toBe('disabled')
    await second.must(['systemctl', 'enable', '--now', '--quiet', 'weft-dns.service'])
  })

  it('removal stops the programs and leaves traffic, data and configuration; installed again, all goes on', async () => {
    await first.must(['dpkg', '--remove', 'weft'], { timeoutMs: 60_000 })
    expect((await first.exec(['pgrep', '-fa', '/usr/lib/weft'])).out).toBe('')
    expect(await reaches(second, 'c2', address)).toBe(true)
    expect(await first.must(['ls', '/etc/weft', '/var/lib/weft'])).toContain('agent.json')
    await first.must(['dpkg', '--force-unsafe-io', '--install', DEB], { timeoutMs: 120_000 })
    await first.must(['weft', 'status', '--wait', '--timeout', '60s'], { timeoutMs: 90_000 })
    expect(await reaches(second, 'c2', 'c1')).toBe(true)
  })

  it('purge leaves nothing of ours in Docker, in the kernel, on the disk', async () => {
    await second.must(['docker', 'rm', '-f', 'c2'])
    await second.must(['dpkg', '--purge', 'weft'], { timeoutMs: 150_000 })
    await expectNothing()
  })

  it('the tar does the same without dpkg: installs, joins, carries traffic, and purges', async () => {
    const tar = await tarball()
    fs.copyFileSync(tar, path.join(second.root, 'var/lib/test/archive.tar.gz'))
    await second.shell('cd /var/lib/test && tar xzf archive.tar.gz && mv weft-*/ unpacked && unpacked/install')
    const joined = await second.exec(['weft', 'join', '/root/join'], { timeoutMs: 120_000 })
    expect(joined).toMatchObject({ code: 0, out: expect.stringContaining('host2 has joined') })
    expect(joined.err).toMatch(/examining this host.*0 errors, \d+ warnings?, \d{2} ok/s)
    // The kernel of tests has none, and the doctor tells what would mend it.
    expect(joined.err).toContain('modprobe 8021q')
    await runContainer(second, 'c3', 'over')
    expect(await reaches(second, 'c3', 'c1')).toBe(true)
    const before = await second.property('weft-agent.service', 'MainPID')
    await second.must(['/var/lib/test/unpacked/install'])
    expect(await second.property('weft-agent.service', 'MainPID')).not.toBe(before)
    expect(await reaches(second, 'c3', 'c1')).toBe(true)
    await second.must(['docker', 'rm', '-f', 'c3'])
    await second.must(['/usr/lib/weft/uninstall', '--purge'], { timeoutMs: 150_000 })
    await expectNothing()
  })

  const expectNothing = async () => {
    const remains = {
      networks: await second.must(['docker', 'network', 'ls', '-q', '-f', 'driver=weft']),
      links: await second.must(['ip', '-br', 'link', 'show', 'group', String(WEFT_LINK_GROUP)]),
      namespace: await second.must(['ip', 'netns', 'list']),
      tables: await second.shell('nft list tables | grep weft_ || true'),
      files: await second.shell("find /etc /usr /run /var -xdev -name '*weft*' -not -path '/var/lib/test/*'"),
      processes: (await second.exec(['pgrep', '-fa', '/usr/lib/weft'])).out.trim(),
    }
    for (const [what, found] of Object.entries(remains)) expect(found, what).toBe('')
  }

  it('has no fault that lintian calls an error', async () => {
    const out = await lintian(path.join(first.root, DEB))
    expect(out).toContain(' weft: ')
    expect(out.split('\n').filter((line) => line.startsWith('E:'))).toEqual([])
  })
})

/** Tests install packages that are not compressed; the release's are. */
const OF_TESTS = 'uses-no-compression-for-control-tarball,uses-no-compression-for-data-tarball'

/** lintian's exit code counts warnings too; what it prints is judged. */
async function lintian(deb: string): Promise<string> {
  const script = 'nice lintian --allow-root --suppress-tags "$1" "$2" || true'
  return await run(['sh', '-c', script, 'sh', OF_TESTS, deb], { timeoutMs: 380_000 })
}
