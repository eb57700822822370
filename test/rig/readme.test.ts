/**
 * "Three hosts in five minutes" as the README says it: its commands made this rig, here is what they said, and the rest of
 * them follows. What they make stays: package.test.ts goes on with it.
 */
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest'
import { type Block, readmeBlocks, runBlock, transcriptOf } from './readme.ts'
import { attach, failures, type Rig } from './rig.ts'
import { parsePings, weft } from './story.ts'

describe.skipIf(inject('rigReason') !== '')('the README on three machines', () => {
  let rig: Rig
  let setUp: Block[] = []
  let use: Block[] = []
  const join = () => setUp.find(({ joins }) => joins)?.number ?? 0

  beforeAll(async () => {
    rig = attach()
    setUp = await readmeBlocks('set-up')
    use = await readmeBlocks('use')
  })
  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail') for (const machine of rig.machines) console.error(await failures(machine))
  })
  afterAll(() => {
    for (const machine of rig.machines) machine.close()
  })

  it('each host says that it has joined', () => {
    for (const { name } of rig.hosts)
      expect(transcriptOf(join(), name)).toContain(`${name} has joined and stands where the controller wants it.`)
  })

  // Side by side: each waits for one machine most of the time.
  it.concurrent('the string is printed again for the next host', async () => {
    const [, typed] = /^\+ weft join (WEFT1-\S+)$/m.exec(transcriptOf(join(), 'docker1')) ?? []
    expect(await weft(rig.controller, 'controller', 'join-string')).toBe(typed)
  })

  it.concurrent('between hosts and controller all is TLS', async () => {
    const [host] = rig.hosts
    const config = JSON.parse(await host.must(['cat', '/etc/weft/agent.json'])) as Record<string, string[]>
    const addresses = [...(config.controller ?? []), ...(config.nats ?? [])]
    expect(addresses.map((address) => address.replace(/:\/\/.*/, '')).sort()).toEqual(['https', 'tls'])
    // A plain question gets no HTTP; NATS greets in the clear, and says in its greeting that TLS must follow.
    const ask = 'exec 3<> "/dev/tcp/$1/$2"; printf "$3" >&3; timeout 5 head -c 1000 <&3 | tr -d "\\0" || true'
    const plain = (port: string, text: string) => host.shell(ask, [rig.controller.layout.ipv4, port, text])
    expect(await plain('7474', 'GET /v1/version HTTP/1.0\\r\\n\\r\\n')).not.toContain('{')
    expect(await plain('4222', '')).toContain('"tls_required":true')
  })

  it.concurrent('the rest of its commands: a network, a container on each host, a ping, the status', async () => {
    const printed: string[] = []
    for (const block of use) printed.push(...(await runBlock(block, rig.machines)))
    const pings = printed.map(parsePings).find(({ sent }) => sent > 0)
    expect(pings).toEqual({ sent: 3, received: 3 })
    const status = printed.at(-1) ?? ''
    expect(status).toContain('2 of 2 hosts at revision')
    for (const { name } of rig.hosts) expect(status).toMatch(new RegExp(`^${name} +converged`, 'm'))
  })
})
