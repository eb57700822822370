/** A login on a machine's second serial line, with our own terminal in raw mode; Ctrl-] ends it. */
import net from 'node:net'
import path from 'node:path'
import { WeftError } from '@weft/shared'
import type { Machine } from './machine.ts'

const ESCAPE = 0x1d

/** Resolves when the person has enough or the machine ends. Throws `unavailable` when it is not up. */
export async function openShell(machine: Machine): Promise<void> {
  if (machine.pid() === undefined)
    throw new WeftError('unavailable', { what: 'machine is not up', on: machine.name, remedy: 'npm run rig -- up' })
  const socket = net.connect(path.join(machine.layout.folder, 'shell.sock'))
  const { stdin, stdout } = process
  process.stderr.write(`${machine.name}: Ctrl-] leaves; Enter shows the prompt\n`)
  if (stdin.isTTY) stdin.setRawMode(true)
  try {
    await new Promise<void>((resolve, reject) => {
      socket.on('error', reject)
      socket.on('close', () => resolve())
      socket.on('data', (data) => stdout.write(data))
      stdin.on('data', (data: Buffer) => {
        if (data.includes(ESCAPE)) resolve()
        else socket.write(data)
      })
      socket.on('connect', () => socket.write('\r'))
    })
  } finally {
    if (stdin.isTTY) stdin.setRawMode(false)
    stdin.pause()
    socket.destroy()
  }
}
