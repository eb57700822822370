/** Names, addresses, ports and folders of the rig, in one place. */
import { createHash } from 'node:crypto'
import os from 'node:os'
import path from 'node:path'

/** One rig per name; two of them run side by side without meeting. */
export const RIG_NAME = process.env.RIG_NAME ?? 'default'
/** Built images, kept by content, and the rigs that run. */
export const CACHE = process.env.RIG_CACHE ?? path.join(os.homedir(), '.cache/weft-rig')

export interface MachineLayout {
  readonly name: 'controller' | 'docker1' | 'docker2'
  readonly role: 'controller' | 'host'
  /** Address on eth0, the management network. */
  readonly ipv4: string
  readonly managementMac: string
  /** Of eth1, the trunk. */
  readonly trunkMac: string
  readonly memoryMiB: number
  readonly folder: string
}

export const PREFIX_LENGTH = 24

/** Where one rig's disks, sockets, logs and pid files lie. */
export const RUN = path.join(CACHE, 'run', RIG_NAME)

export const MACHINES: readonly MachineLayout[] = [
  machine('controller', 'controller', 10, 768),
  machine('docker1', 'host', 11, 1024),
  machine('docker2', 'host', 12, 1024),
]

/**
 * The two L2 segments as QEMU's multicast sockets on loopback: no privileges, no device of the machine's, and every
 * frame arrives as it was sent, tags included. The ports come from the rig's name.
 */
export const SEGMENTS = {
  management: { group: '230.77.0.2', port: basePort() },
  trunk: { group: '230.77.0.1', port: basePort() + 1 },
} as const

function basePort(): number {
  return 20_000 + 2 * (createHash('sha256').update(RUN).digest().readUInt16BE() % 5_000)
}

function machine(
  name: MachineLayout['name'],
  role: MachineLayout['role'],
  number: number,
  memoryMiB: number,
): MachineLayout {
  return {
    name,
    role,
    ipv4: `10.77.0.${number}`,
    managementMac: `52:54:00:0a:00:${number}`,
    trunkMac: `52:54:00:0b:00:${number}`,
    memoryMiB,
    folder: path.join(RUN, name),
  }
}
