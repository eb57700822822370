/**
 * A wish that is repeated (its answer was lost) is not carried out twice: who asks again under the same request id gets
 * the answer of the first, also while that is being worked on. A wish that failed may be tried anew.
 */

/** Longer than any asker goes on asking. */
const KEPT_MS = 60_000

/** Wraps a handler; the returned one remembers by `req`. */
export function oncePerWish<Q extends { readonly req: string }, R>(
  handler: (request: Q) => Promise<R>,
): (request: Q) => Promise<R> {
  const known = new Map<string, Promise<R>>()
  return (request) => {
    const { req } = request
    const first = known.get(req)
    if (first !== undefined) return first
    const answer = handler(request)
    known.set(req, answer)
    const forget = () => known.delete(req)
    answer.then(() => setTimeout(forget, KEPT_MS).unref(), forget)
    return answer
  }
}
