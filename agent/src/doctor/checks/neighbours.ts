/** The kernel's neighbour table is shared by all namespaces of a host and has a ceiling (PAINS 28). */
import { readFile } from 'node:fs/promises'
import { hostCheck } from './check.ts'

interface Facts {
  /** Endpoints of the cluster: what may become neighbours on one host. */
  readonly endpoints: number
  /** gc_thresh3 by family; undefined outside the initial netns, which alone shows it. */
  readonly limits: { readonly ipv4?: number; readonly ipv6?: number }
}

/** Beyond this share the kernel sweeps, and a burst finds no room. */
const WARN_SHARE = 0.5

export const neighbours = hostCheck<Facts>({
  name: 'neighbours',
  probe: async ({ asked }) => {
    const [ipv4, ipv6] = await Promise.all((['ipv4', 'ipv6'] as const).map(limitOf))
    const limits = { ...(ipv4 === undefined ? {} : { ipv4 }), ...(ipv6 === undefined ? {} : { ipv6 }) }
    return { endpoints: asked.endpoints, limits }
  },
  judge: ({ endpoints, limits }) => {
    const families = (['ipv4', 'ipv6'] as const).filter((family) => limits[family] !== undefined)
    if (families.length === 0)
      return [{ severity: 'skipped', measured: 'gc_thresh3 is not shown here (only in the initial network namespace)' }]
    return families.map((family) => {
      const limit = limits[family] ?? 0
      const measured = `${family}: room for ${limit} neighbours, the cluster has ${endpoints} endpoints`
      if (endpoints < limit * WARN_SHARE) return { severity: 'ok', measured }
      const wanted = 2 ** Math.ceil(Math.log2(Math.max(endpoints * 4, 4096)))
      return {
        severity: endpoints >= limit ? 'error' : 'warn',
        measured,
        why: 'above it the kernel forgets or refuses neighbours, and connections fail at random',
        remedy: `sysctl -w net.${family}.neigh.default.gc_thresh3=${wanted} net.${family}.neigh.default.gc_thresh2=${wanted / 2}`,
      }
    })
  },
})

async function limitOf(family: 'ipv4' | 'ipv6'): Promise<number | undefined> {
  try {
    return Number(await readFile(`/proc/sys/net/${family}/neigh/default/gc_thresh3`, 'utf8'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
