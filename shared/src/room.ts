/** Whether a file system has room for what Weft writes; pure. */
export interface RoomFacts {
  readonly folder: string
  readonly freeBytes: number
  readonly totalBytes: number
}

const MIB = 1024 * 1024
const ERROR_BYTES = 100 * MIB
const WARN_BYTES = 1024 * MIB

export function judgeRoom({ folder, freeBytes, totalBytes }: RoomFacts): {
  readonly severity: 'ok' | 'warn' | 'error'
  readonly measured: string
} {
  const measured = `${folder}: ${Math.floor(freeBytes / MIB)} MiB of ${Math.floor(totalBytes / MIB)} MiB free`
  return { severity: freeBytes >= WARN_BYTES ? 'ok' : freeBytes < ERROR_BYTES ? 'error' : 'warn', measured }
}
