/** The door of the embedded parts: `weft controller --embedded` runs one etcd and one nats-server as its own children. */
import { WeftError } from '@weft/shared'
import { startEtcd } from './etcd.ts'
import { takeFolder } from './folder.ts'
import { startNats } from './nats.ts'
import type { EmbeddedOptions } from './options.ts'

export type { EmbeddedOptions } from './options.ts'
export { freePort } from './ports.ts'

export interface Embedded {
  readonly etcdUrl: string | undefined
  readonly natsUrl: string | undefined
  /** Stops the children, bus before store, and lets the folder go. */
  stop(): Promise<void>
}

/**
 * Takes the data folder and starts the children; each is restarted when it dies.
 * @throws `conflict` while another controller has the folder, `unavailable` when a program is missing or does not come up.
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<Embedded> {
  const letGo = takeFolder(options.folder)
  const started = await Promise.allSettled([
    options.parts.etcd ? startEtcd(options) : undefined,
    options.parts.nats ? startNats(options) : undefined,
  ])
  const [etcd, nats] = started.map((result) => (result.status === 'fulfilled' ? result.value : undefined))
  const stop = async () => {
    try {
      await nats?.stop()
      await etcd?.stop()
    } finally {
      letGo()
    }
  }
  const failed = started.find((result) => result.status === 'rejected')
  if (failed !== undefined) {
    await stop()
    throw WeftError.from(failed.reason, 'embedded parts do not start')
  }
  return { etcdUrl: etcd?.url, natsUrl: nats?.url, stop }
}
