/**
 * Every name, path and address of a lab, in one place; a pure function of the lab's name.
 *
 * A lab lies under /var/lib and not under /run, because its images need a file system that may execute (/run is
 * often mounted noexec), and because /run is private to each lab host: what lies here has the same path on the
 * machine and inside every host.
 */
import path from 'node:path'
import { WeftError } from '@weft/shared'

/** Folder of all labs of this machine. */
export const LABS_ROOT = '/var/lib/weft-lab'
export const DEFAULT_LAB = 'default'
export const CONTROLLER = 'controller'
export const API_PORT = 7474
export const NATS_PORT = 4222
/** The most Docker hosts that the underlay's addresses (docker1 is .11) leave room for. */
export const MAX_HOSTS = 200

/** All that is known of one lab host before it exists. */
export interface HostLayout {
  /** The host's name, its UTS name and its port on the switch: `controller`, `docker1`, … */
  readonly name: string
  readonly netns: string
  readonly ipv4: string
  readonly ipv6: string
  /** Where everything of this host lies on the machine's disk. */
  readonly folder: string
  /** The host's private /run, seen from outside. */
  readonly run: string
  readonly log: string
  /** Data of Weft's own daemon on this host. */
  readonly data: string
  /** Docker's data root. */
  readonly dockerRoot: string
  /** Docker's API socket, reachable from the machine too; inside the host it is /run/docker.sock. */
  readonly dockerSocket: string
  /** Parent of all cgroups of this host's containers, from the root of each hierarchy. */
  readonly cgroup: string
}

export interface LabLayout {
  readonly name: string
  readonly folder: string
  /** The record of a lab that is up. */
  readonly record: string
  readonly switchNetns: string
  /** The controller's API socket; the same path on the machine and in every lab host. */
  readonly controllerSocket: string
  readonly controller: HostLayout
  readonly prefixLength4: 24
  readonly prefixLength6: 64
}

/** What all network namespaces and cgroups of a lab begin with. Lab names hold no `-`, so no prefix is another's. */
export function labPrefix(lab: string): string {
  return `weft-${lab}-`
}

/** Checks a lab's name. Throws `invalid`. */
export function parseLabName(name: string): string {
  if (!/^[a-z][a-z0-9]{0,11}$/.test(name))
    throw new WeftError('invalid', {
      what: 'lab name',
      on: name,
      why: 'it must be 1 to 12 lower-case letters and digits, a letter first',
      remedy: `leave it out for '${DEFAULT_LAB}'`,
    })
  return name
}

/** Layout of a lab. Throws `invalid` for a bad name. */
export function labLayout(lab: string, root: string = LABS_ROOT): LabLayout {
  const folder = path.join(root, parseLabName(lab))
  const controller = hostLayout(lab, CONTROLLER, 10, root)
  return {
    name: lab,
    folder,
    record: path.join(folder, 'lab.json'),
    switchNetns: `${labPrefix(lab)}sw`,
    controllerSocket: path.join(controller.run, 'weft/controller.sock'),
    controller,
    prefixLength4: 24,
    prefixLength6: 64,
  }
}

/** Layout of Docker host number `index`, counted from 1. Throws `invalid` outside 1..MAX_HOSTS. */
export function dockerHostLayout(lab: string, index: number, root: string = LABS_ROOT): HostLayout {
  if (!Number.isInteger(index) || index < 1 || index > MAX_HOSTS)
    throw new WeftError('invalid', {
      what: 'number of lab hosts',
      on: String(index),
      why: `1 to ${MAX_HOSTS} are possible`,
    })
  return hostLayout(lab, `docker${index}`, 10 + index, root)
}

function hostLayout(lab: string, name: string, number: number, root: string): HostLayout {
  const folder = path.join(root, lab, name)
  return {
    name,
    netns: `${labPrefix(lab)}${name}`,
    ipv4: `10.250.0.${number}`,
    ipv6: `fd57:6566:7400::${number}`,
    folder,
    run: path.join(folder, 'run'),
    log: path.join(folder, 'log'),
    data: path.join(folder, 'weft'),
    dockerRoot: path.join(folder, 'docker'),
    dockerSocket: path.join(folder, 'run/docker.sock'),
    cgroup: `/${labPrefix(lab)}${name}`,
  }
}

/** Path by which the kernel names a network namespace made by `ip netns add`. */
export function netnsPath(netns: string): string {
  return `/run/netns/${netns}`
}
