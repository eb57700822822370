/** What changed, as `weft events` tells it. */
import { canonicalJson, type EventView, formatPublication } from '@weft/shared'
import { endpointSpec } from './compile.ts'
import type { ClusterChange, RecordChange } from './view.ts'

/** The events of a change, in the order of its records. Heartbeats and a subnet's own record make none. */
export function eventsOf(change: ClusterChange): EventView[] {
  const time = new Date(change.at).toISOString()
  return change.records.flatMap((record) => {
    const event = eventOf(record)
    return event === undefined ? [] : [{ time, revision: change.revision, ...event }]
  })
}

function eventOf(change: RecordChange): Omit<EventView, 'time' | 'revision'> | undefined {
  const action = change.before === undefined ? 'create' : change.after === undefined ? 'delete' : 'update'
  switch (change.kind) {
    case 'network': {
      const record = (change.after ?? change.before)?.value
      if (record === undefined) return undefined
      return { type: 'network', action, id: record.uid, name: record.name, attributes: { driver: record.driver } }
    }
    case 'endpoint': {
      const record = (change.after ?? change.before)?.value
      if (record === undefined || (action === 'update' && unremarkable(change))) return undefined
      const { host, network, mac, addresses, state } = endpointAttributes(record)
      const named = record.name === undefined ? {} : { name: record.name }
      return {
        type: 'endpoint',
        action,
        id: record.uid,
        ...named,
        attributes: { host, network, mac, addresses, state },
      }
    }
    case 'reservation': {
      const record = (change.after ?? change.before)?.value
      if (record === undefined) return undefined
      const { network, name, mac } = record
      const addresses = record.addresses.map(({ ip }) => ip).join(' ')
      return { type: 'reservation', action, id: `${network}/${name}`, name, attributes: { network, mac, addresses } }
    }
    case 'host':
      return {
        type: 'host',
        action,
        id: change.host,
        attributes: { epoch: String((change.after ?? change.before)?.value.epoch) },
      }
    case 'alive':
      if (action === 'update') return undefined
      return { type: 'host', action: 'update', id: change.host, attributes: { alive: String(action === 'create') } }
    case 'uplink':
      return {
        type: 'uplink',
        action,
        id: `${change.name}/${change.host}`,
        name: change.name,
        attributes: { host: change.host, interface: (change.after ?? change.before)?.value.interface ?? '' },
      }
    case 'router': {
      const record = (change.after ?? change.before)?.value
      if (record === undefined) return undefined
      const networks = record.networks.join(' ')
      return { type: 'router', action, id: record.uid, name: record.name, attributes: { networks } }
    }
    case 'placement': {
      const record = change.after?.value
      if (record === undefined) return undefined
      const attributes = { host: record.host, generation: String(record.gen) }
      return { type: 'router', action: 'update', id: record.router, attributes }
    }
    case 'publication': {
      const record = (change.after ?? change.before)?.value
      if (record === undefined) return undefined
      const attributes = { network: record.network, port: formatPublication(record), on: [record.on].flat().join(' ') }
      return { type: 'publication', action, id: record.uid, name: record.container, attributes }
    }
    case 'facts':
    case 'subnet':
      return undefined
  }
}

function endpointAttributes(record: Parameters<typeof endpointSpec>[0]) {
  const { host, network, mac, state } = record
  return { host, network, mac, addresses: record.addresses.map(({ ip }) => ip).join(' '), state }
}

/** An update that people need not hear of: neither what hosts see nor the state changed. */
function unremarkable(change: Extract<RecordChange, { kind: 'endpoint' }>): boolean {
  const [before, after] = [change.before?.value, change.after?.value]
  if (before === undefined || after === undefined) return false
  return before.state === after.state && canonicalJson(endpointSpec(before)) === canonicalJson(endpointSpec(after))
}
