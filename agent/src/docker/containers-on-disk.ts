/**
 * Docker's containers as its data root shows them, which asks the engine nothing: while it starts a container it answers
 * no question about it, and at its boot none at all (DOCKER.md 1.5). Docker writes a container's file before it calls a
 * plugin for it, and anew when its process runs; files are replaced whole.
 */
import fs from 'node:fs'
import path from 'node:path'
import { z } from 'zod'
import { type DockerStorage, mountedContainers, showsMounts } from './starting.ts'

export interface ContainerOnDisk {
  readonly id: string
  readonly name: string
  /** Its process runs. */
  readonly up: boolean
  /** Namespace file of its sandbox, as Join names it; '' when there is none. */
  readonly sandbox: string
  readonly networks: readonly Membership[]
}

export interface Membership {
  /** As it was given to `docker run --network`, or the name of the network. */
  readonly key: string
  /** Docker's network id, once the container was on it. */
  readonly dockerNetwork: string
  /** `--ip` and `--ip6`, or ''. */
  readonly ip: string
  readonly ip6: string
}

const text = z
  .string()
  .nullish()
  .transform((value) => value ?? '')
const ConfigFile = z.object({
  ID: z.string(),
  Name: z.string().transform((name) => name.replace(/^\//, '')),
  State: z.object({
    Running: z.boolean(),
    // Docker counts a container as running between its end and its restart.
    Restarting: z.boolean().default(false),
  }),
  NetworkSettings: z.object({
    SandboxKey: text,
    Networks: z
      .record(
        z.string(),
        z.object({
          NetworkID: text,
          IPAMConfig: z.object({ IPv4Address: text, IPv6Address: text }).nullish(),
        }),
      )
      .nullish(),
  }),
})

interface Kept {
  readonly mtimeMs: number
  readonly inode: number
  readonly container: ContainerOnDisk | undefined
}

export class ContainersOnDisk {
  readonly #kept = new Map<string, Kept>()

  /**
   * Containers that have their root file system mounted: those that run, and those that are being started or looked into.
   * All containers where the storage driver does not show it. Reads synchronously, so that whoever decides on the answer
   * decides in the same breath.
   */
  mounted(storage: DockerStorage): ContainerOnDisk[] {
    const ids = this.#ids(storage)
    const mounted = showsMounts(storage) ? mountedContainers(storage, ids) : ids
    for (const id of this.#kept.keys()) if (!ids.includes(id)) this.#kept.delete(id)
    return (mounted ?? ids).flatMap((id) => this.#read(storage, id) ?? [])
  }

  #ids({ root }: DockerStorage): string[] {
    return fs.readdirSync(path.join(root, 'containers')).filter((name) => /^[0-9a-f]{64}$/.test(name))
  }

  #read({ root }: DockerStorage, id: string): ContainerOnDisk | undefined {
    const file = path.join(root, 'containers', id, 'config.v2.json')
    const stat = fs.statSync(file, { throwIfNoEntry: false })
    if (stat === undefined) return undefined
    const kept = this.#kept.get(id)
    if (kept !== undefined && kept.mtimeMs === stat.mtimeMs && kept.inode === stat.ino) return kept.container
    const container = parseContainer(readIfThere(file))
    this.#kept.set(id, { mtimeMs: stat.mtimeMs, inode: stat.ino, container })
    return container
  }
}

/** A container's file; undefined for one that Docker cannot read either: it knows no such container. */
export function parseContainer(json: string | undefined): ContainerOnDisk | undefined {
  const found = ConfigFile.safeParse(parsed(json))
  if (!found.success) return undefined
  const { ID: id, Name: name, State, NetworkSettings } = found.data
  const networks = Object.entries(NetworkSettings.Networks ?? {}).map(([key, { NetworkID, IPAMConfig }]) => ({
    key,
    dockerNetwork: NetworkID,
    ip: IPAMConfig?.IPv4Address ?? '',
    ip6: IPAMConfig?.IPv6Address ?? '',
  }))
  return { id, name, up: State.Running && !State.Restarting, sandbox: NetworkSettings.SandboxKey, networks }
}

function parsed(json: string | undefined): unknown {
  try {
    return json === undefined ? undefined : JSON.parse(json)
  } catch {
    return undefined
  }
}

/** Undefined when the container was removed a moment ago. */
function readIfThere(file: string): string | undefined {
  try {
    return fs.readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
