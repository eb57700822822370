/**
 * The one error class of the house and its closed list of codes.
 * Whether to retry, the HTTP status and the exit code are properties of the code, never of the call site.
 */
export const ERROR_CODES = {
  invalid: { http: 400, exit: 2, retry: false },
  not_found: { http: 404, exit: 3, retry: false },
  conflict: { http: 409, exit: 4, retry: false },
  exhausted: { http: 409, exit: 4, retry: false },
  denied: { http: 403, exit: 5, retry: false },
  unavailable: { http: 503, exit: 6, retry: true },
  deadline: { http: 504, exit: 6, retry: true },
  not_converged: { http: 504, exit: 7, retry: false },
  unsupported: { http: 501, exit: 1, retry: false },
  internal: { http: 500, exit: 1, retry: false },
} as const satisfies Record<string, { http: number; exit: number; retry: boolean }>

export type ErrorCode = keyof typeof ERROR_CODES

export interface ErrorParts {
  /** What went wrong, as a phrase: "subnet overlaps". */
  readonly what: string
  /** The value it is about: "10.0.0.0/24". */
  readonly on?: string
  /** The rule that it breaks, or the cause in words. */
  readonly why?: string
  /** What the reader does next. */
  readonly remedy?: string
  /** True when a write may have been applied although no answer came (a deadline, a lost connection). */
  readonly ambiguous?: boolean
  readonly cause?: unknown
}

export interface ErrorBody {
  readonly code: ErrorCode
  readonly what: string
  readonly on?: string
  readonly why?: string
  readonly remedy?: string
  readonly ambiguous?: boolean
}

/** The house's error. Message: "[code] what: on: why; remedy". */
export class WeftError extends Error {
  override readonly name = 'WeftError'
  readonly code: ErrorCode
  readonly parts: ErrorParts

  constructor(code: ErrorCode, parts: ErrorParts) {
    super(message(code, parts), parts.cause === undefined ? undefined : { cause: parts.cause })
    this.code = code
    this.parts = parts
  }

  get retryable(): boolean {
    return ERROR_CODES[this.code].retry
  }

  /** True when the write that failed may nevertheless have been applied. */
  get ambiguous(): boolean {
    return this.parts.ambiguous === true
  }

  /** The error as it travels over HTTP and NATS; the cause stays behind. */
  toBody(): ErrorBody {
    const { cause: _, ...rest } = this.parts
    return { code: this.code, ...rest }
  }

  /** Rebuilds an error received over HTTP or NATS. */
  static fromBody(body: ErrorBody): WeftError {
    const { code, ...parts } = body
    return new WeftError(code, parts)
  }

  /** Any thrown value as a WeftError; what is not ours becomes `internal` with the cause kept. */
  static from(thrown: unknown, what = 'unexpected failure'): WeftError {
    if (thrown instanceof WeftError) return thrown
    const why = thrown instanceof Error ? thrown.message : String(thrown)
    return new WeftError('internal', { what, why, cause: thrown })
  }
}

function message(code: ErrorCode, parts: ErrorParts): string {
  const subject = parts.on === undefined ? parts.what : `${parts.what}: ${parts.on}`
  const because = parts.why === undefined ? subject : `${subject}: ${parts.why}`
  return parts.remedy === undefined ? `[${code}] ${because}` : `[${code}] ${because}; ${parts.remedy}`
}
