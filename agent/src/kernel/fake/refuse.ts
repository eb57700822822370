/** Refusals of the fake kernel: the codes that the real one's error numbers become. */
import { isSandbox, type LinkRef } from '@weft/shared'
import { ERRNO, errnoError } from '../errno.ts'
import { type FakeWorld, linkKey, type StoredLink } from './world.ts'

export function refuse(errno: keyof typeof ERRNO, what: string, on: string, why?: string): never {
  throw errnoError(ERRNO[errno], { what, on, ...(why !== undefined && { why }) })
}

export function needNetns(world: FakeWorld, netns: string): void {
  if (!world.netns.has(netns)) refuse('ENOENT', 'no such network namespace', netns)
}

export function needLink(world: FakeWorld, ref: LinkRef): StoredLink {
  needNetns(world, ref.netns)
  return world.links.get(linkKey(ref)) ?? refuse('ENODEV', 'no such link', ref.name)
}

/** Outside of sandboxes only what carries our mark may be altered. */
export function needOurs(world: FakeWorld, ref: LinkRef): StoredLink {
  const link = needLink(world, ref)
  if (!isSandbox(ref.netns) && !link.owned) refuse('EPERM', 'link is not ours', ref.name)
  return link
}
