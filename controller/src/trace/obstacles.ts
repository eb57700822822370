/** What the records say against a way. Pure. */
import { type DoctorFinding, driverFor, parseOptions, whyFixed } from '@weft/shared'
import { type ClusterView, type EndpointRecord, isAlive, type NetworkRecord } from '../domain/index.ts'
import type { Way } from './way.ts'

/** An error where they forbid it, a warning where an end cannot be looked at. */
export function obstacles(view: ClusterView, way: Way): DoctorFinding[] {
  const { network, from, to, router } = way
  const ends = to === undefined ? [from] : [from, to]
  const driver = driverFor(network.driver)
  const options = parseOptions(driver, network.options)
  const parts = driver.parts(options)
  const isParted =
    to !== undefined && to.holder === undefined && (parts === 'all' || (parts === 'host' && to.host === from.host))
  return [
    ...ends.flatMap((end) => standing(end, isAlive(view, end.host))),
    ...(router === undefined && isParted ? [parted(network, from, to)] : []),
    ...(router === undefined && to !== undefined && to.host !== from.host && !driver.spans(options)
      ? [hostsOwn(network, from, to)]
      : []),
  ]
}

function standing({ name, uid, host, state }: EndpointRecord, isHostAlive: boolean): DoctorFinding[] {
  const who = name ?? uid
  if (!isHostAlive) {
    return [
      {
        check: 'agent',
        severity: 'warn',
        hosts: [host],
        measured: `the agent of ${host} does not report: nothing can be looked at there`,
        why: 'its containers may go on as they are, or the host may be down',
        remedy: `on ${host}: systemctl status weft-agent; journalctl -u weft-agent -n 50`,
      },
    ]
  }
  if (state === 'attached') return []
  return [
    {
      check: 'container',
      severity: 'error',
      hosts: [host],
      measured: `${who} does not run on ${host}${state === 'pending' ? ' yet: it has an address and no interface' : ''}`,
      why: 'a stopped container keeps its address and answers nobody',
      remedy: `on ${host}: docker start ${who}; docker logs ${who}`,
    },
  ]
}

function parted({ name, driver }: NetworkRecord, from: EndpointRecord, to: EndpointRecord): DoctorFinding {
  return {
    check: 'policy',
    severity: 'error',
    hosts: [...new Set([from.host, to.host])],
    measured: `network ${name} parts its containers from each other (icc=false)`,
    why: 'it was made so on purpose',
    remedy: `put the two on another network, too${whyFixed(driverFor(driver), 'icc') === undefined ? `; or, for all of them: weft network update -o icc=true ${name}` : ''}`,
  }
}

function hostsOwn({ name, driver }: NetworkRecord, from: EndpointRecord, to: EndpointRecord): DoctorFinding {
  return {
    check: 'network',
    severity: 'error',
    hosts: [from.host, to.host],
    measured: `network ${name} (${driver}) has no parent: each host has a part of it to itself`,
    why: `${from.host} and ${to.host} share its plan of addresses, not a wire`,
    remedy: `make it with -d overlay, or with a parent that both hosts are on: weft network create -d ${driver} -o parent=eth1.100 …`,
  }
}
