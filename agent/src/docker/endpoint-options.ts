/**
 * Options of one endpoint out of CreateEndpoint: `docker run --network name=…,driver-opt=weft.ifname=lan0`, Compose's
 * `driver_opts`, and what `weft network connect` asks of engines that have no field for it. Docker keeps them with the
 * container and tells them again at each start.
 */
import {
  closest,
  DOCKER_IFNAME_OPTION,
  ENDPOINT_OPTIONS,
  GatewayPriority,
  InterfaceName,
  Mac,
  parseWith,
  WeftError,
} from '@weft/shared'

export interface EndpointOptions {
  readonly mac?: string
  readonly ifname?: string
  readonly gwPriority?: number
}

const PREFIX = 'weft.'
const KNOWN: readonly string[] = Object.values(ENDPOINT_OPTIONS)

/** @throws `invalid` for a value that breaks its rule, and for a `weft.` option that there is not */
export function endpointOptions(options: Readonly<Record<string, unknown>>): EndpointOptions {
  for (const key of Object.keys(options)) if (key.startsWith(PREFIX) && !KNOWN.includes(key)) throw unknown(key)
  const text = (key: string) => (options[key] === undefined ? undefined : String(options[key]))
  const mac = text(ENDPOINT_OPTIONS.mac)
  const ifname = text(ENDPOINT_OPTIONS.ifname) ?? text(DOCKER_IFNAME_OPTION)
  const priority = text(ENDPOINT_OPTIONS.gwPriority)
  return {
    ...(mac === undefined ? {} : { mac: parseWith(Mac, mac, ENDPOINT_OPTIONS.mac) }),
    ...(ifname === undefined ? {} : { ifname: parseWith(InterfaceName, ifname, ENDPOINT_OPTIONS.ifname) }),
    ...(priority === undefined
      ? {}
      : { gwPriority: parseWith(GatewayPriority, wholeNumber(priority), ENDPOINT_OPTIONS.gwPriority) }),
  }
}

function wholeNumber(text: string): number | string {
  return /^-?\d{1,6}$/.test(text) ? Number(text) : text
}

function unknown(key: string): WeftError {
  const meant = closest(key, KNOWN)
  return new WeftError('invalid', {
    what: 'no such option of an endpoint',
    on: key,
    why: `there are ${KNOWN.join(', ')}`,
    ...(meant === undefined ? {} : { remedy: `did you mean ${meant}?` }),
  })
}
