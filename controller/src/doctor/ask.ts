/** One request of the doctor to a host's agent: over NATS only, since HTTP goes the other way. */
import {
  DoctorReply,
  type DoctorRequest,
  doctorSubject,
  ERROR_CODES,
  type ErrorCode,
  parseJsonWith,
  WeftError,
} from '@weft/shared'
import { z } from 'zod'

/** @throws `unavailable` when nobody serves the subject, `deadline` when nobody answers in time */
export type Carry = (subject: string, text: string, timeoutMs: number) => Promise<string>

const Answer = z.union([
  z.strictObject({ ok: DoctorReply }),
  z.strictObject({
    error: z.object({
      code: z
        .string()
        .transform((code): ErrorCode => (Object.hasOwn(ERROR_CODES, code) ? (code as ErrorCode) : 'internal')),
      what: z.string(),
      on: z.string().optional(),
      why: z.string().optional(),
      remedy: z.string().optional(),
    }),
  }),
])

/** @throws what the agent answers, and as {@link Carry} */
export async function askAgent(
  carry: Carry,
  host: string,
  request: DoctorRequest,
  timeoutMs: number,
): Promise<DoctorReply['findings']> {
  const text = await carry(doctorSubject(host), JSON.stringify(request), timeoutMs)
  const answer = parseJsonWith(Answer, text, `doctor's answer of ${host}`)
  if ('ok' in answer) return answer.ok.findings
  const { code, what, ...rest } = answer.error
  const parts = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined))
  throw new WeftError(code, { what, ...parts })
}
