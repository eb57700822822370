import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { Loop } from './loop.ts'
import { openSupervisor } from './supervisor.ts'

const quiet = () => undefined
const log = { debug: quiet, info: quiet, warn: quiet, error: quiet, fatal: quiet }

describe('what systemd is told', () => {
  it('is nothing where nobody listens', () => {
    const supervisor = openSupervisor({ env: { WATCHDOG_USEC: '4000000' }, pid: 7, log, now: () => 0 })
    expect(supervisor.everyMs).toBeUndefined()
    expect(() => supervisor.serves()).not.toThrow()
  })

  it('a manager that is gone is a warning, not the end of the agent', () => {
    const warned: unknown[] = []
    const env = { NOTIFY_SOCKET: '/nonexistent/notify', WATCHDOG_USEC: '60000000', WATCHDOG_PID: '7' }
    const supervisor = openSupervisor({
      env,
      pid: 7,
      log: { ...log, warn: (fields: unknown) => warned.push(fields) },
      now: () => 0,
    })
    supervisor.serves()
    expect(warned).toHaveLength(1)
    expect(supervisor.everyMs).toBe(30_000)
  })

  it('signs of life are as far apart as passes are, a second at least, and none without a pass', () => {
    const warned: unknown[] = []
    const env = { NOTIFY_SOCKET: '/nonexistent/notify', WATCHDOG_USEC: '60000000' }
    let time = 0
    const supervisor = openSupervisor({ env, pid: 7, log: { ...log, warn: () => warned.push(time) }, now: () => time })
    for (time = 0; time < 2_500; time += 100) supervisor.passed()
    expect(warned).toEqual([0, 1_000, 2_000])
  })

  it('a pass that hangs is no sign of life', async () => {
    const ended: number[] = []
    const hangs = new Promise<never>(() => undefined)
    const loop = new Loop({ pass: () => hangs, log, everyMs: 1, onResult: () => ended.push(1) })
    loop.trigger('start')
    await sleep(30)
    loop.trigger('timer')
    await sleep(30)
    expect(ended).toEqual([])
  })
})
