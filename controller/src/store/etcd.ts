/**
 * etcd over the network: the raw calls of the etcd3 package and nothing else of it. Its watch, lease, election, retry
 * and circuit-breaker helpers lose events, hang or lie (FACTS 2.1, E1 to E12) and are not used; here every call has a
 * deadline, every failure is thrown as it came, and connections are watched by HTTP/2 pings.
 */
import { isIP } from 'node:net'
import { WeftError } from '@weft/shared'
import { Etcd3, type IOptions, type IWatchRequest, type IWatchResponse } from 'etcd3'
import { type ClientOptions, kvOver } from './client.ts'
import { decodeRead, decodeWatch, encodeRange, encodeRead, encodeTxn } from './etcd-codec.ts'
import { fromEtcd } from './etcd-errors.ts'
import type { Kv, TxnAnswer } from './kv.ts'
import type { WatchListener, WatchStream, Wire } from './wire.ts'

export interface EtcdOptions {
  /** `http://host:port` or `https://host:port`, all of one kind. */
  readonly endpoints: readonly string[]
  /** PEM texts for mutual TLS; the certificate's CN is the user, so no token exists that could expire (E8). */
  readonly tls?: {
    readonly ca: string
    readonly cert: string
    readonly key: string
    /** A name in etcd's certificate; needed when an endpoint is an address, for which grpc-js sets no valid server name. */
    readonly serverName?: string
  }
  /** HTTP/2 ping of a connection with calls on it. The server's floor for `timeMs` is 5,000 unless it was told otherwise. */
  readonly keepalive?: { readonly timeMs: number; readonly timeoutMs: number }
}

/** A Kv on etcd; connects when first used. */
export function etcdKv(etcd: EtcdOptions, client: ClientOptions = {}): Kv {
  return kvOver(etcdWire(etcd), client)
}

/** The wire to etcd. Exported for tests and measuring; programs use `etcdKv`. */
export function etcdWire(etcd: EtcdOptions): Wire {
  const options = clientOptions(etcd)
  const calls = new Etcd3(options)
  const renewals = new Etcd3(options)
  const streams = new Set<WatchStream>()

  return {
    async range(request, deadlineMs) {
      const answer = await call('read', calls.kv.range(encodeRead(request), by(deadlineMs)))
      return { ...decodeRead(answer), revision: request.revision ?? Number(answer.header.revision) }
    },
    async txn(txn, deadlineMs): Promise<TxnAnswer> {
      const answer = await call('transaction', calls.kv.txn(encodeTxn(txn), by(deadlineMs)))
      const revision = Number(answer.header.revision)
      if (answer.succeeded) return { succeeded: true, revision }
      return { succeeded: false, revision, reads: answer.responses.map((one) => decodeRead(one.response_range)) }
    },
    watch(range, fromRevision, listener) {
      const create = { ...encodeRange(range), start_revision: fromRevision, progress_notify: true }
      const stream = openWatch(new Etcd3(options), create, listener, () => streams.delete(stream))
      streams.add(stream)
      return stream
    },
    async leaseGrant(ttlSeconds, deadlineMs) {
      const answer = await call('lease grant', calls.leaseClient.leaseGrant({ TTL: ttlSeconds }, by(deadlineMs)))
      if (answer.error !== '')
        throw new WeftError('unavailable', { what: 'lease grant', on: 'etcd', why: answer.error })
      return { id: answer.ID, ttlSeconds: Number(answer.TTL) }
    },
    leaseRenew: (id, deadlineMs) => renewOnce(renewals, id, deadlineMs),
    async leaseRevoke(id, deadlineMs) {
      try {
        await call('lease revoke', calls.leaseClient.leaseRevoke({ ID: id }, by(deadlineMs)))
      } catch (thrown) {
        if (!(thrown instanceof WeftError) || thrown.code !== 'not_found') throw thrown
      }
    },
    close() {
      for (const stream of streams) stream.close()
      calls.close()
      renewals.close()
    },
  }
}

/**
 * A watch stream on a client of its own: the package closes all channels of a client when one of its streams fails,
 * so a stream must share with nothing, and its client is closed with it (E11).
 */
function openWatch(
  client: Etcd3,
  create: NonNullable<IWatchRequest['create_request']>,
  listener: WatchListener,
  onClose: () => void,
): WatchStream {
  let closed = false
  let stream: RawStream | undefined
  const close = () => {
    if (closed) return
    closed = true
    stream?.cancel()
    client.close()
    onClose()
  }
  const fail = (thrown: unknown) => {
    if (closed) return
    close()
    listener.failed(fromEtcd(thrown, 'watch'))
  }
  const hear = (message: IWatchResponse) => {
    if (closed) return
    const answer = decodeWatch(message)
    if (answer instanceof Error) fail(answer)
    else listener.answer(answer)
  }
  client.watchClient.watch().then((opened) => {
    // The package types a part of grpc-js's ClientDuplexStream, which this is.
    stream = opened as unknown as RawStream
    stream.on('error', fail)
    stream.on('end', () => fail(new Error('the server ended the stream')))
    if (closed) return stream.cancel()
    stream.on('data', hear)
    stream.write({ create_request: create })
  }, fail)
  return {
    ping: () => closed || stream?.write({ progress_request: {} }),
    pause: () => stream?.pause(),
    resume: () => stream?.resume(),
    close,
  }
}

interface RawStream {
  on(event: 'data', hear: (message: IWatchResponse) => void): void
  on(event: 'error', hear: (error: Error) => void): void
  on(event: 'end', hear: () => void): void
  write(message: IWatchRequest): void
  end(): void
  cancel(): void
  pause(): void
  resume(): void
}

/** One renewal on a stream of its own: its answer cannot be taken for another's, and its send time is known (E9). */
function renewOnce(client: Etcd3, id: string, deadlineMs: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const fail = (thrown: unknown) => reject(fromEtcd(thrown, 'lease renewal'))
    client.leaseClient.leaseKeepAlive(by(deadlineMs)).then((stream) => {
      stream.on('error', fail)
      stream.on('end', () => fail(new Error('the server ended the stream without an answer')))
      stream.on('data', (answer) => {
        resolve(Number(answer.TTL))
        stream.end()
      })
      stream.write({ ID: id })
    }, fail)
  })
}

async function call<T>(what: string, answer: Promise<T>): Promise<T> {
  try {
    return await answer
  } catch (thrown) {
    throw fromEtcd(thrown, what)
  }
}

/** grpc-js takes the wall-clock time and at once makes a relative timer of it. */
function by(deadlineMs: number): { deadline: number } {
  return { deadline: Date.now() + Math.max(1, deadlineMs) }
}

/** @throws `invalid` for TLS to an address without a server name: Node 26 refuses what grpc-js 1.14 makes of it */
export function clientOptions({
  endpoints,
  tls,
  keepalive = { timeMs: 6_000, timeoutMs: 2_000 },
}: EtcdOptions): IOptions {
  const address = endpoints.find((endpoint) => isIP(new URL(endpoint).hostname.replace(/^\[|\]$/g, '')) !== 0)
  if (tls !== undefined && tls.serverName === undefined && address !== undefined) {
    const why = 'TLS to an address needs the name to expect in its certificate'
    const remedy = 'name etcd by its DNS name, or give one of the names in its certificate: --etcd-server-name'
    throw new WeftError('invalid', { what: 'etcd endpoint', on: address, why, remedy })
  }
  return {
    hosts: [...endpoints],
    ...(tls === undefined
      ? {}
      : {
          credentials: {
            rootCertificate: Buffer.from(tls.ca),
            certChain: Buffer.from(tls.cert),
            privateKey: Buffer.from(tls.key),
          },
        }),
    faultHandling: { host: () => throughAsIs, global: throughAsIs },
    grpcOptions: {
      ...(tls?.serverName === undefined ? {} : { 'grpc.ssl_target_name_override': tls.serverName }),
      'grpc.keepalive_time_ms': keepalive.timeMs,
      'grpc.keepalive_timeout_ms': keepalive.timeoutMs,
      'grpc.initial_reconnect_backoff_ms': 100,
      'grpc.max_reconnect_backoff_ms': 2_000,
      // A list of a large prefix is longer than grpc-js's 4 MiB; we page by count, not by bytes.
      'grpc.max_receive_message_length': -1,
    },
  }
}

type Policy = NonNullable<NonNullable<IOptions['faultHandling']>['global']>

/**
 * No retry, no breaker (E3, E6, E7). Errors go through as ours: the package closes all channels under calls that are in
 * flight when it sees an error that it deems recoverable, which ours never are.
 */
const throughAsIs = {
  onSuccess: () => ({ dispose: () => {} }),
  onFailure: () => ({ dispose: () => {} }),
  async execute(run: (context: { signal: AbortSignal }) => unknown) {
    try {
      return await run({ signal: NEVER })
    } catch (thrown) {
      throw fromEtcd(thrown, 'etcd call')
    }
  },
} as unknown as Policy

const NEVER = new AbortController().signal
