/** What the doctor asks of whom: a pure function of the cluster. */
import {
  DoctorProbe,
  type DoctorWire,
  driverFor,
  MOST_DOCTOR_PROBES,
  MOST_DOCTOR_WIRES,
  parseOptions,
} from '@weft/shared'
import type { ClusterView } from '../domain/index.ts'

/** IANA's port for VXLAN. */
const VXLAN_PORT = 4789
/** Probes take VNIs from the end, where networks come last. */
const LAST_VNI = 0xffffff

/** The UDP ports of overlay networks; the usual one when there is none. */
export function overlayPort(view: ClusterView): number {
  const overlays = [...view.networks.values()].map(({ value }) => value).filter(({ vni }) => vni !== undefined)
  const ports = new Set(overlays.map(({ options }) => Number(options.port ?? VXLAN_PORT)))
  return ports.has(VXLAN_PORT) || ports.size === 0 ? VXLAN_PORT : Math.min(...ports)
}

/** The wires that networks are on, with whose MACs, and by which bridge of their own if any. */
export function wiresOf(view: ClusterView): DoctorWire[] {
  const wires = new Map<string, DoctorWire>()
  for (const { value } of view.networks.values()) {
    const driver = driverFor(value.driver)
    const options = parseOptions(driver, value.options)
    const parent = driver.parent(options)?.text
    if (parent === undefined) continue
    const macs = driver.macs(options)
    const bridge = driver.bridge(options, value.uid)
    const key = `${parent} ${macs} ${bridge ?? ''}`
    const networks = [...(wires.get(key)?.networks ?? []), value.name].sort()
    wires.set(key, { parent, networks, macs, ...(bridge !== undefined && { bridge }) })
  }
  return [...wires].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, wire]) => wire)
}

/** A VNI for each of `count` probes that no network has, so that hosts' filters let it through (vxlan-filter.ts); they differ from call to call by the seed. */
export function freeVnis(view: ClusterView, count: number, seed: number): number[] {
  const vnis: number[] = []
  for (let vni = LAST_VNI - (seed % 4096); vnis.length < count; vni--) if (!view.vnis.has(vni)) vnis.push(vni)
  return vnis
}

/** Both ends of the probe from `asks` to `answers`, each as its host is to be told. */
export function probeEnds(
  view: ClusterView,
  [asks, answers]: readonly [string, string],
  { id, number, vni }: { id: string; number: number; vni: number },
): { asks: DoctorProbe; answers: DoctorProbe } | undefined {
  const [own, other] = [asks, answers].map((host) => view.facts.get(host)?.value.facts.underlay.address)
  if (own === undefined || other === undefined) return undefined
  const wires = wiresOf(view).slice(0, MOST_DOCTOR_WIRES)
  const common = { id, number: number % MOST_DOCTOR_PROBES, vni, udpPort: overlayPort(view), wires }
  const end = (peer: string, address: string) => DoctorProbe.parse({ ...common, peer, address })
  return { asks: end(answers, other), answers: end(asks, own) }
}
