import { describe, expect, it } from 'vitest'
import { entriesOf, network, networkEntry, record, state } from '../../../test/support/builders.ts'
import { joinAnswer, joinedRecord } from './join-answer.ts'

const dual = record({ addresses: ['10.1.0.5/24', 'fd01::5/64'] })

describe('answer to Join', () => {
  it('egress=docker: no gateway, so that Docker adds its own', () => {
    const answer = joinAnswer(network(), dual) as { InterfaceName: { SrcName: string } }
    expect(answer).toEqual({ InterfaceName: { SrcName: expect.stringMatching(/^wfc[0-9a-z]{12}$/), DstPrefix: 'eth' } })
  })

  it('is remembered: with what way out, whether Docker was told of a gateway, and nothing of an earlier start', () => {
    const asked = { sandbox: '/run/docker/netns/1', ports: [], now: 7 }
    const joined = (parts: object, internal = false) =>
      joinedRecord(
        state({ entries: entriesOf(networkEntry({ ...parts, internal })) }),
        record({ joinedEgress: 'docker', egress: 'none', ownGateway: true }),
        asked,
      )
    const common = { phase: 'in-flight', settled: false, sandbox: asked.sandbox, since: 7 }
    expect(joined({ egress: 'weft' })).toEqual({ ...record(), ...common, joinedEgress: 'weft' })
    expect(joined({ egress: 'docker' })).toEqual({ ...record(), ...common, joinedEgress: 'docker', ownGateway: true })
    expect(joined({}, true)).toEqual({ ...record(), ...common, ownGateway: true })
    expect(joinAnswer(network(), joined({ egress: 'docker' }))).not.toHaveProperty('DisableGatewayService')
  })

  it('a name that ends in 0 is given by its prefix; others follow when Docker is done', () => {
    const named = (ifname: string) =>
      joinAnswer(network(), record({ ifname })) as { InterfaceName: { DstPrefix: string } }
    expect(named('lan0').InterfaceName.DstPrefix).toBe('lan')
    for (const ifname of ['eth7', 'lan', 'lan10', '0']) expect(named(ifname).InterfaceName.DstPrefix).toBe('eth')
  })

  it('one that is not to be told of: no gateway, and no bridge of Docker’s for it', () => {
    const out = network({ egress: 'gateway' })
    for (const silent of [record({ ownGateway: true }), record({ gwPriority: -1 })]) {
      const answer = joinAnswer(out, silent)
      expect(answer).not.toHaveProperty('Gateway')
      expect(answer).toMatchObject({ DisableGatewayService: true })
    }
  })

  it('egress=gateway: the gateways of the families that the endpoint has', () => {
    expect(joinAnswer(network({ egress: 'gateway' }), dual)).toMatchObject({
      Gateway: '10.1.0.1',
      GatewayIPv6: 'fd01::1',
    })
    expect(joinAnswer(network({ egress: 'gateway' }), record())).not.toHaveProperty('GatewayIPv6')
  })

  it('routes by device: no gateway for Docker to look for, but default routes on-link', () => {
    const l3 = { driver: 'ipvlan', options: { parent: 'eth1', ipvlan_mode: 'l3' }, egress: 'gateway' } as const
    const answer = joinAnswer(network(l3), dual)
    expect(answer).toMatchObject({
      DisableGatewayService: true,
      StaticRoutes: [
        { Destination: '0.0.0.0/0', RouteType: 1 },
        { Destination: '::/0', RouteType: 1 },
      ],
    })
    expect(answer).not.toHaveProperty('Gateway')
    expect(joinAnswer(network({ ...l3, internal: true }), dual)).not.toHaveProperty('StaticRoutes')
    const l2 = joinAnswer(network({ ...l3, options: { parent: 'eth1' } }), dual)
    expect(l2).toMatchObject({ Gateway: '10.1.0.1' })
    expect(l2).not.toHaveProperty('StaticRoutes')
  })

  it('egress=none and internal networks: no way out at all', () => {
    const none = joinAnswer(network({ egress: 'none' }), dual)
    const internal = joinAnswer(network({ egress: 'gateway', internal: true }), dual)
    for (const answer of [none, internal]) {
      expect(answer).toMatchObject({ DisableGatewayService: true })
      expect(answer).not.toHaveProperty('Gateway')
    }
  })

  it("the network's other subnet of a family is on-link", () => {
    const second = { uid: '7'.repeat(20), cidr: '10.2.0.0/24', auxAddresses: {} }
    const two = network({ subnets: [...network().subnets, second] })
    expect(joinAnswer(two, record())).toMatchObject({ StaticRoutes: [{ Destination: '10.2.0.0/24', RouteType: 1 }] })
  })
})
