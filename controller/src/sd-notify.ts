/**
 * What the controller tells systemd (sd_notify(3)), by systemd-notify(1): Node has no unix datagram sockets, and a
 * process a message is little for one that speaks every half minute. It waits until systemd has read the message, so
 * NotifyAccess=all finds the sender's unit.
 */
import { spawn } from 'node:child_process'

const STATES = { ready: 'READY=1', alive: 'WATCHDOG=1', stopping: 'STOPPING=1' } as const

/**
 * Milliseconds between two signs of life, half of what systemd allows (sd_watchdog_enabled(3)); undefined when it watches
 * nobody.
 */
export function watchdogMs(env: Readonly<Record<string, string | undefined>>): number | undefined {
  const allowedUs = Number(env.WATCHDOG_USEC ?? '')
  return (env.NOTIFY_SOCKET ?? '') !== '' && allowedUs > 0 ? allowedUs / 1000 / 2 : undefined
}

/**
 * Tells `ready`, `alive`, `stopping` or a status line; nothing where nobody listens (NOTIFY_SOCKET is not set).
 * Rejects when systemd-notify is missing or fails.
 */
export async function notifySystemd(
  notice: { readonly state?: keyof typeof STATES; readonly status?: string },
  env: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  if ((env.NOTIFY_SOCKET ?? '') === '') return
  const words = [
    ...(notice.state === undefined ? [] : [STATES[notice.state]]),
    ...(notice.status === undefined ? [] : [`STATUS=${notice.status.replaceAll(/\s+/g, ' ')}`]),
  ]
  await new Promise<void>((resolve, reject) => {
    const child = spawn('systemd-notify', words, { stdio: 'ignore', env: { ...env } })
    child.on('error', reject)
    child.on('exit', (code, signal) =>
      code === 0 ? resolve() : reject(new Error(`systemd-notify ended with ${signal ?? code}`)),
    )
  })
}
