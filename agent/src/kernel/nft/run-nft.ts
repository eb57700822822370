/**
 * nft's own library in this process: one call is 1 ms and RCU's grace period, a child `nsenter nft` 20-50 ms, which would
 * lose the race against a container whose first instruction asks for a name (DOCKER.md 2).
 */
import { WeftError } from '@weft/shared'
import koffi from 'koffi'

/** Carries out one script of nft in the netns of the calling thread. @throws `internal` with nft's words */
export type RunNft = (script: string) => void

/** @throws `unavailable` where the library is missing: it comes with Debian's nftables */
export function openNft(): RunNft {
  const library = loadLibrary()
  const newContext = library.func('void *nft_ctx_new(uint32_t flags)')
  const freeContext = library.func('void nft_ctx_free(void *context)')
  const bufferErrors = library.func('int nft_ctx_buffer_error(void *context)')
  const errorText = library.func('const char *nft_ctx_get_error_buffer(void *context)')
  const run = library.func('int nft_run_cmd_from_buffer(void *context, const char *text)')
  return (script) => {
    // A context holds a netlink socket of the netns in which it was made: one a call.
    const context: unknown = newContext(0)
    try {
      bufferErrors(context)
      if (run(context, script) === 0) return
      throw new WeftError('internal', { what: 'nft refuses', why: String(errorText(context)).trim().slice(0, 1000) })
    } finally {
      freeContext(context)
    }
  }
}

function loadLibrary() {
  try {
    return koffi.load('libnftables.so.1')
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new WeftError('unavailable', { what: 'nft library missing', why, remedy: 'apt-get install nftables', cause })
  }
}
