/** Runs jobs one after the other, in the order in which they were asked for; a job that throws does not stop the next. */
export type OneAtATime = <T>(job: () => Promise<T>) => Promise<T>

export function oneAtATime(): OneAtATime {
  let last: Promise<unknown> = Promise.resolve()
  return (job) => {
    const result = last.then(job, job)
    last = result
    return result
  }
}
