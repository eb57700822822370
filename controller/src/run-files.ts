/** The pid file, for scripts and service managers. */
import fs from 'node:fs'
import path from 'node:path'

/** Writes `controller.pid`; gives back how to remove it, which leaves another controller's alone. */
export function writePidFile(folder: string): () => void {
  fs.mkdirSync(folder, { recursive: true, mode: 0o755 })
  const file = path.join(folder, 'controller.pid')
  fs.writeFileSync(file, `${process.pid}\n`)
  return () => {
    if (fs.existsSync(file) && fs.readFileSync(file, 'utf8').trim() === String(process.pid)) fs.rmSync(file)
  }
}
