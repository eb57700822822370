import { parseWith } from '@weft/shared'
import { z } from 'zod'
import { listHosts, listLabs, openLab } from '../../lab/index.ts'
import { printList } from '../list.ts'
import type { Run } from '../spec.ts'

const Flags = z.strictObject({ quiet: z.boolean().default(false), format: z.string() })

/** Lists the labs that are up, a row per host. */
export const run: Run = async (context, { options }) => {
  const flags = { ...parseWith(Flags, options, 'options'), trunc: false }
  const labs = listLabs()
  if (flags.quiet) {
    printList(context.terminal, flags, labs, { id: (name) => name, columns: [] })
    return undefined
  }
  const rows = labs.flatMap((lab) =>
    listHosts(openLab(lab)).map(({ name, ipv4, ipv6, dockerSocket }) => ({
      lab,
      host: name,
      ipv4,
      ipv6,
      ...(name.startsWith('docker') ? { dockerSocket } : {}),
    })),
  )
  printList(context.terminal, flags, rows, {
    id: (row) => row.lab,
    columns: [
      { title: 'LAB', value: (row) => row.lab },
      { title: 'HOST', value: (row) => row.host },
      { title: 'IPV4', value: (row) => row.ipv4 },
      { title: 'IPV6', value: (row) => row.ipv6 },
      { title: 'DOCKER SOCKET', value: (row) => row.dockerSocket ?? '-' },
    ],
  })
  return undefined
}
