/** Namespaces that no Docker network reaches (`--network none`, a process's own) as endpoints like any other. */
import { z } from 'zod'
import { Attached, AttachWish } from '../attachment.ts'
import { Name, RequestId, Uid } from '../words/names.ts'
import { type OperationTable, Ref } from './operation.ts'

const params = z.strictObject({ ref: Ref })

export const AttachmentView = z.strictObject({
  ...Attached.shape,
  host: z.string(),
  network: z.strictObject({ uid: Uid, name: z.string() }),
})
export type AttachmentView = z.infer<typeof AttachmentView>

export const ATTACHMENT_OPERATIONS = {
  attachmentMake: {
    method: 'POST',
    path: '/v1/networks/:ref/attach',
    params,
    body: z.strictObject({ ...AttachWish.shape, host: Name }),
    reply: AttachmentView,
  },
  /** `ref` is the endpoint's. */
  attachmentEnd: {
    method: 'POST',
    path: '/v1/endpoints/:ref/detach',
    params,
    body: z.strictObject({ req: RequestId }),
    reply: z.strictObject({ uid: Uid, host: z.string() }),
  },
} as const satisfies OperationTable
