/** Routers between networks: what one asks for and what one sees. */
import { z } from 'zod'
import { IpText } from '../words/address-text.ts'
import { Mac, Name, RequestId, Uid } from '../words/names.ts'
import { type OperationTable, Ref } from './operation.ts'

/** The router's leg in one network. */
export const RouterLegView = z.strictObject({
  network: z.strictObject({ uid: Uid, name: z.string() }),
  mac: Mac,
  addresses: z.array(z.string()),
})
export type RouterLegView = z.infer<typeof RouterLegView>

export const RouterView = z.strictObject({
  uid: Uid,
  name: z.string(),
  /** The host that carries it. */
  host: z.string(),
  preferred: z.string().optional(),
  /** How often it was placed: 1, and one more for every move. */
  generation: z.number().int(),
  /** Since when that host carries it. */
  since: z.string(),
  /** In the order in which they were connected. */
  legs: z.array(RouterLegView),
  /** Networks, by name, that reach each other through it; both ways. */
  pairs: z.array(z.tuple([z.string(), z.string()])),
  createdAt: z.string(),
  /** etcd revision of the last change: what `status --wait` waits for. */
  revision: z.number().int(),
})
export type RouterView = z.infer<typeof RouterView>

const OneRouter = z.strictObject({ ref: Ref })

export const ROUTER_OPERATIONS = {
  routerCreate: {
    method: 'POST',
    path: '/v1/routers',
    body: z.strictObject({ req: RequestId, name: Name, preferred: Name.optional() }),
    reply: RouterView,
  },
  routerList: { method: 'GET', path: '/v1/routers', reply: z.array(RouterView) },
  routerInspect: { method: 'GET', path: '/v1/routers/:ref', params: OneRouter, reply: RouterView },
  routerRemove: {
    method: 'DELETE',
    path: '/v1/routers/:ref',
    params: OneRouter,
    query: z.strictObject({ req: RequestId }),
    reply: z.strictObject({ uid: Uid, name: z.string(), revision: z.number().int() }),
  },
  /** To that host, which it prefers from then on; without one to any other, and it prefers none. */
  routerMove: {
    method: 'PUT',
    path: '/v1/routers/:ref/host',
    params: OneRouter,
    body: z.strictObject({ req: RequestId, host: Name.optional() }),
    reply: RouterView,
  },
  /** Connecting what is connected changes nothing. */
  routerConnect: {
    method: 'POST',
    path: '/v1/routers/:ref/networks',
    params: OneRouter,
    body: z.strictObject({ req: RequestId, network: Ref, address: IpText.optional() }),
    reply: RouterView,
  },
  /** Disconnecting what is not connected changes nothing. */
  routerDisconnect: {
    method: 'DELETE',
    path: '/v1/routers/:ref/networks/:network',
    params: z.strictObject({ ref: Ref, network: Ref }),
    query: z.strictObject({ req: RequestId }),
    reply: RouterView,
  },
} as const satisfies OperationTable
