/** Which NATS servers are fit to face a network (FACTS.md N8). */
const FLOORS = [
  { minor: 11, patch: 16 },
  { minor: 12, patch: 7 },
] as const

/** What to tell the admin about a server's version; undefined when it is fine. */
export function natsVersionWarning(version: string): string | undefined {
  const match = /^(\d+)\.(\d+)\.(\d+)/.exec(version)
  const floor = 'the floor is 2.11.16 or 2.12.7'
  if (match === null) return `NATS server version ${version} is not understood; ${floor}`
  const [major, minor, patch] = match.slice(1).map(Number) as [number, number, number]
  const fixed = FLOORS.find((entry) => entry.minor === minor)
  const fine = major > 2 || (major === 2 && (fixed === undefined ? minor > 12 : patch >= fixed.patch))
  if (fine) return undefined
  return `NATS server ${version} lacks security fixes (CVE-2023-47090, CVE-2025-30215, CVE-2026-27571); ${floor}: keep its port on a trusted network`
}
