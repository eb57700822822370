/**
 * Entering another netns for the length of one synchronous call.
 *
 * Invariants
 * - The body runs on the main thread and never awaits, spawns or queues pool work: whatever starts inside would stay in
 *   the other netns for ever.
 * - The thread pool exists before the first `setns` ({@link openNamespaces}): threads are born in the netns of the one
 *   that makes them (DOCKER.md 4).
 * - A sandbox that is named with its cookie (sandbox-path.ts) is entered only while the path leads to that one.
 * - If the way back fails, the process aborts: all that it did afterwards would hit the wrong namespace.
 */
import { closeSync, openSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { FABRIC_NETNS, isSandbox, WeftError } from '@weft/shared'
import { enterNetns, netnsCookie } from './libc.ts'
import { parseSandbox } from './sandbox-path.ts'

export interface Namespaces {
  /** Path of a namespace file as HostState names it: '' the own netns, 'weft' the fabric, a router's by its name, else the path itself. */
  pathOf(netns: string): string
  /** Runs `body` with the calling thread in the netns. Throws `not_found` when it is gone. */
  within<T>(netns: string, body: () => T): T
  /** Calls `body` with a descriptor of the netns, which is closed afterwards. Throws `not_found` when it is gone. */
  withDescriptor<T>(netns: string, body: (fd: number) => T): T
  close(): void
}

/** Where iproute2 keeps named namespaces. */
export function netnsPath(name: string): string {
  return `/run/netns/${name}`
}

const OWN_PATH = '/proc/thread-self/ns/net'
/** More jobs than libuv's pool has threads, so that every one of them is made now. */
const WARMING_READS = 64

export async function openNamespaces(fabricPath: string): Promise<Namespaces> {
  await Promise.all(Array.from({ length: WARMING_READS }, () => readFile('/proc/self/stat')))
  const own = openSync(OWN_PATH, 'r')

  const pathOf = (netns: string): string => {
    if (netns === '') return OWN_PATH
    if (netns === FABRIC_NETNS) return fabricPath
    // `weft-r-…` beside `weft`: beside the fabric, whatever that is called here.
    return isSandbox(netns) ? parseSandbox(netns).path : `${fabricPath}${netns.slice(FABRIC_NETNS.length)}`
  }

  function withDescriptor<T>(netns: string, body: (fd: number) => T): T {
    if (netns === '') return body(own)
    const fd = openNamespace(pathOf(netns))
    try {
      const { path, cookie } = parseSandbox(netns)
      if (cookie !== undefined) checkCookie(fd, path, cookie, own)
      return body(fd)
    } finally {
      closeSync(fd)
    }
  }

  return {
    pathOf,
    withDescriptor,
    within: (netns, body) => {
      if (netns === '') return body()
      return withDescriptor(netns, (fd) => {
        enter(fd, pathOf(netns))
        try {
          return body()
        } finally {
          comeBack(own)
        }
      })
    },
    close: () => closeSync(own),
  }
}

/** Runs `body` once in the netns, which is named as in HostState. @throws `not_found` when it is gone */
export async function withinNetns<T>(netns: string, body: () => T): Promise<T> {
  const namespaces = await openNamespaces('')
  try {
    return namespaces.within(netns, body)
  } finally {
    namespaces.close()
  }
}

function openNamespace(path: string): number {
  try {
    return openSync(path, 'r')
  } catch (error) {
    throw gone(path, error)
  }
}

/** A path that is no namespace (any more: Docker unmounts a sandbox before it removes the file) is refused by setns. */
function enter(fd: number, path: string): void {
  try {
    enterNetns(fd)
  } catch (error) {
    throw gone(path, error)
  }
}

/** @throws `not_found` when the path leads to another namespace by now */
function checkCookie(fd: number, path: string, wanted: string, own: number): void {
  enter(fd, path)
  let cookie: string | undefined
  try {
    cookie = netnsCookie()
  } finally {
    comeBack(own)
  }
  if (cookie !== wanted) throw gone(path, new Error('another one is there now'))
}

function comeBack(own: number): void {
  try {
    enterNetns(own)
  } catch {
    process.abort()
  }
}

function gone(path: string, cause: unknown): WeftError {
  return new WeftError('not_found', {
    what: 'no such network namespace',
    on: path,
    why: cause instanceof Error ? cause.message : String(cause),
    cause,
  })
}
