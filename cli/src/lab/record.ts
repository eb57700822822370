/** The record of a lab that is up: what the next command must know and cannot derive from the name. */
import fs from 'node:fs'
import path from 'node:path'
import { WeftError } from '@weft/shared'
import { z } from 'zod'
import { dockerHostLayout, type HostLayout, LABS_ROOT, type LabLayout, labLayout } from './layout.ts'

const labRecord = z.strictObject({
  v: z.literal(1),
  name: z.string(),
  hosts: z.int().min(0),
  mtu: z.int(),
  control: z.boolean(),
})

/** A lab that is up. */
export interface Lab {
  readonly name: string
  readonly layout: LabLayout
  /** The Docker hosts: docker1, docker2, … */
  readonly hosts: readonly HostLayout[]
  /** Bytes, of the underlay. */
  readonly mtu: number
  /** Whether a controller and agents were started. */
  readonly control: boolean
}

export type LabParts = Pick<Lab, 'name' | 'mtu' | 'control'> & { readonly hostCount: number }

/** A lab of these parts, up or not. */
export function describeLab(parts: LabParts, root: string = LABS_ROOT): Lab {
  const hosts = Array.from({ length: parts.hostCount }, (_, index) => dockerHostLayout(parts.name, index + 1, root))
  const { name, mtu, control } = parts
  return { name, layout: labLayout(name, root), hosts, mtu, control }
}

/** Writes the record; the name appears whole. */
export function writeRecord(lab: Lab): void {
  const record: z.infer<typeof labRecord> = {
    v: 1,
    name: lab.name,
    hosts: lab.hosts.length,
    mtu: lab.mtu,
    control: lab.control,
  }
  fs.writeFileSync(`${lab.layout.record}.tmp`, `${JSON.stringify(record)}\n`)
  fs.renameSync(`${lab.layout.record}.tmp`, lab.layout.record)
}

/** The lab of that name. Throws `not_found` when it is not up. */
export function openLab(name: string, root: string = LABS_ROOT): Lab {
  const layout = labLayout(name, root)
  if (!fs.existsSync(layout.record))
    throw new WeftError('not_found', {
      what: 'no such lab is up',
      on: name,
      remedy: 'bring it up with: weft lab up',
    })
  const parsed = labRecord.safeParse(JSON.parse(fs.readFileSync(layout.record, 'utf8')))
  if (!parsed.success)
    throw new WeftError('invalid', {
      what: 'record of the lab',
      on: layout.record,
      why: z.prettifyError(parsed.error),
      remedy: `take the lab down with: weft lab down --name ${name}`,
    })
  const { hosts: hostCount, ...rest } = parsed.data
  return describeLab({ ...rest, hostCount }, root)
}

/** Names of the labs that are up. */
export function listLabs(root: string = LABS_ROOT): string[] {
  if (!fs.existsSync(root)) return []
  return fs.readdirSync(root).filter((name) => fs.existsSync(path.join(root, name, 'lab.json')))
}

/** All lab hosts by name, the controller first. */
export function listHosts(lab: Lab): HostLayout[] {
  return [lab.layout.controller, ...lab.hosts]
}

/** One lab host. Throws `not_found` with the names that there are. */
export function findHost(lab: Lab, name: string): HostLayout {
  const host = listHosts(lab).find((each) => each.name === name)
  if (host === undefined)
    throw new WeftError('not_found', {
      what: 'no such lab host',
      on: name,
      remedy: `one of ${listHosts(lab)
        .map((each) => each.name)
        .join(', ')}`,
    })
  return host
}
