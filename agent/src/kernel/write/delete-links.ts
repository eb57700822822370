/**
 * Removing links. Each removal waits for an RCU grace period (18-24 ms, DOCKER.md 5), but one request may remove a whole
 * link group in a single wait; so several links are first moved to a group of their own, then that group is removed.
 */
import { formatLinkMessage, MessageType } from 'netlink/dist/rt/structs.js'
import { ERRNO, errnoError, type Refusal } from '../errno.ts'
import { type Request, toBuffer } from '../netlink/message.ts'
import { BATCH_MESSAGES } from '../netlink/transport.ts'
import { DOOMED_LINK_GROUP, type LinkRow } from '../read/link-row.ts'
import { refuseForeign, type Writer } from './writer.ts'

/** Removes the links of one netns; answers the error of each that could not be removed, by its position. */
export function deleteLinks(writer: Writer, netns: string, names: readonly string[]): Map<number, unknown> {
  const errors = new Map<number, unknown>()
  const doomed: { row: LinkRow; position: number }[] = []
  for (const [position, name] of names.entries()) {
    try {
      const row = writer.find(netns, name)
      if (row === undefined) continue
      refuseForeign(netns, row)
      doomed.push({ row, position })
    } catch (error) {
      errors.set(position, error)
    }
  }
  const fail = (refusal: Refusal, { row, position }: { row: LinkRow; position: number }) => {
    if (refusal.errno === ERRNO.ENODEV) return
    errors.set(position, errnoError(refusal.errno, { what: 'link not removed', on: row.name }, refusal.message))
  }
  const socket = writer.socket(netns)
  if (doomed.length > 1) {
    const marked = new Set(doomed)
    for (let start = 0; start < doomed.length; start += BATCH_MESSAGES) {
      const chunk = doomed.slice(start, start + BATCH_MESSAGES)
      for (const refusal of socket.batch(chunk.map(({ row }) => setGroup(row.index)))) {
        const target = chunk[refusal.index]
        if (target === undefined) continue
        marked.delete(target)
        fail(refusal, target)
      }
    }
    const refusal = marked.size === 0 ? undefined : socket.change(deleteGroup())
    if (refusal !== undefined) for (const target of marked) fail(refusal, target)
  } else {
    for (const target of doomed) {
      const refusal = socket.change(deleteOne(target.row.index))
      if (refusal !== undefined) fail(refusal, target)
    }
  }
  writer.forgetLinks()
  return errors
}

function setGroup(index: number): Request {
  return request(MessageType.SETLINK, index, DOOMED_LINK_GROUP)
}

function deleteOne(index: number): Request {
  return request(MessageType.DELLINK, index, undefined)
}

function deleteGroup(): Request {
  return request(MessageType.DELLINK, 0, DOOMED_LINK_GROUP)
}

function request(type: number, index: number, group: number | undefined): Request {
  const attrs = group === undefined ? {} : { group }
  return {
    type,
    flags: 0,
    payload: toBuffer((out) => formatLinkMessage({ kind: 'link', data: { index }, attrs }, out)),
  }
}
