import { EMPTY_HOST_STATE, type HostState } from '@weft/shared'
import { expect, it } from 'vitest'
import { flowOps } from './flows.ts'
import { publishTable } from './publish-table.ts'

const leading = (...ports: { protocol: 'tcp' | 'udp'; hostPort: number; to: string }[]): HostState => ({
  ...EMPTY_HOST_STATE,
  nftTables: [publishTable(ports.map(({ to, ...port }) => ({ ...port, port: 53, addresses: [to] })))],
})
const dns = { protocol: 'udp', hostPort: 53, to: '10.0.0.2' } as const
const web = { protocol: 'tcp', hostPort: 80, to: '10.0.0.2' } as const
const forgets = (...ports: number[]) => [{ op: 'flows-forget', protocol: 'udp', ports }]

it('forgets UDP flows to ports that begin, end or change to lead somewhere, and no other', () => {
  expect(flowOps(leading(dns, web), leading(dns))).toEqual([])
  expect(flowOps(leading(dns), EMPTY_HOST_STATE)).toEqual(forgets(53))
  expect(flowOps(EMPTY_HOST_STATE, leading(dns, web))).toEqual(forgets(53))
  const moved = { ...dns, to: 'fd00::2' }
  expect(flowOps(leading(moved, { ...dns, hostPort: 54 }), leading(dns))).toEqual(forgets(53, 54))
})
