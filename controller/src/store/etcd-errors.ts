import { type ErrorCode, WeftError } from '@weft/shared'
import {
  EtcdLeaseInvalidError,
  EtcdPermissionDeniedError,
  GRPCDeadlineExceededError,
  GRPCFailedPreconditionError,
  GRPCInvalidArgumentError,
  GRPCNotFoundError,
  GRPCNotImplementedError,
  GRPCOutOfRangeError,
  GRPCUnauthenticatedError,
} from 'etcd3'

/**
 * An error of the etcd3 package as ours. Everything not named here is `unavailable`, and ambiguous: only what the server
 * refuses before it proposes, or what never left this machine, is sure not to have been applied.
 */
export function fromEtcd(thrown: unknown, what: string): WeftError {
  if (thrown instanceof WeftError) return thrown
  const why = thrown instanceof Error ? thrown.message.replace(/^.*?(?:Error|^): /, '') : String(thrown)
  const cause = thrown
  for (const [type, code, remedy] of REFUSED) {
    if (thrown instanceof type)
      return new WeftError(code, { what, why, cause, ...(remedy === undefined ? {} : { remedy }) })
  }
  if (thrown instanceof GRPCDeadlineExceededError)
    return new WeftError('deadline', { what, why, cause, ambiguous: true })
  if (why.includes('database space exceeded')) {
    // Ambiguous on purpose: the request that crosses the quota is applied and answered with this error (quotaApplierV3).
    const remedy = 'compact, defragment and disarm etcd (etcdctl compact, defrag, alarm disarm); reads go on'
    return new WeftError('unavailable', {
      what,
      on: 'etcd',
      why: 'its space is used up',
      remedy,
      cause,
      ambiguous: true,
    })
  }
  // grpc-js found no connection to send on; the text is its picker's. Unknown text falls on the safe side.
  const neverSent = /No connection established|Name resolution failed/.test(why)
  return new WeftError('unavailable', { what, on: 'etcd', why, cause, ambiguous: !neverSent })
}

type Thrown = abstract new (...args: never[]) => Error
const REFUSED: readonly (readonly [Thrown, ErrorCode, string?])[] = [
  [GRPCInvalidArgumentError, 'invalid'],
  [EtcdLeaseInvalidError, 'not_found'],
  [GRPCNotFoundError, 'not_found'],
  [GRPCOutOfRangeError, 'not_found', 'read again at the newest revision'],
  [GRPCFailedPreconditionError, 'invalid'],
  [GRPCNotImplementedError, 'unsupported'],
  [EtcdPermissionDeniedError, 'denied', 'check the client certificate and its role in etcd'],
  [GRPCUnauthenticatedError, 'denied', 'check the client certificate'],
]
