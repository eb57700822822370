import { randomBytes } from 'node:crypto'
import koffi from 'koffi'
import { describe, expect, it } from 'vitest'
import { notifyAddress, notifyText, openNotify, watchdogMs } from './sd-notify.ts'

/** A datagram socket such as systemd's, by an abstract name. */
function listen(name: string): { receive(): string; close(): void } {
  const library = koffi.load('libc.so.6')
  const fd: number = library.func('int socket(int domain, int type, int protocol)')(1, 2, 0)
  const address = notifyAddress(name)
  expect(library.func('int bind(int fd, const uint8_t *address, uint32_t length)')(fd, address, address.length)).toBe(0)
  const recv = library.func('int64_t recv(int fd, _Out_ uint8_t *data, uint64_t length, int flags)')
  return {
    receive: () => {
      const data = Buffer.alloc(4096)
      return data.subarray(0, Math.max(0, Number(recv(fd, data, data.length, 0x40)))).toString()
    },
    close: () => void library.func('int close(int fd)')(fd),
  }
}

describe('telling systemd', () => {
  it('reaches the socket that the environment names', () => {
    const name = `@weft-test-${randomBytes(6).toString('hex')}`
    const manager = listen(name)
    const tell = openNotify({ NOTIFY_SOCKET: name })
    tell?.({ READY: '1', STATUS: 'revision 4' })
    expect(manager.receive()).toBe('READY=1\nSTATUS=revision 4\n')
    manager.close()
    expect(() => tell?.({ WATCHDOG: '1' })).toThrow(/systemd not told/)
  })

  it('is silent where nobody listens', () => {
    expect(openNotify({})).toBeUndefined()
    expect(openNotify({ NOTIFY_SOCKET: '' })).toBeUndefined()
  })

  it.each(['notify', 'vsock:2:1', `/${'a'.repeat(120)}`])('refuses %s', (name) => {
    expect(() => openNotify({ NOTIFY_SOCKET: name })).toThrow(/NOTIFY_SOCKET/)
  })

  it('a value cannot begin another notice', () => {
    expect(notifyText({ STATUS: 'late\nMAINPID=1' })).toBe('STATUS=late MAINPID=1\n')
  })

  it('feeds the watchdog twice in its time, and only its own', () => {
    expect(watchdogMs({ WATCHDOG_USEC: '30000000', WATCHDOG_PID: '7' }, 7)).toBe(15_000)
    expect(watchdogMs({ WATCHDOG_USEC: '30000000', WATCHDOG_PID: '8' }, 7)).toBeUndefined()
    expect(watchdogMs({ WATCHDOG_USEC: 'soon' }, 7)).toBeUndefined()
    expect(watchdogMs({}, 7)).toBeUndefined()
  })
})
