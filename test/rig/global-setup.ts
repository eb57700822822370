/** Makes the rig before the first test and takes it down after the last; one that is up already is used and left. */
import type { TestProject } from 'vitest/node'
import { whyNot } from './machine-needs.ts'
import { attach, down, up } from './rig.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** Why the rig cannot run on this machine; empty when it does. */
    rigReason: string
  }
}

export default async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  if (isUp()) {
    project.provide('rigReason', '')
    return undefined
  }
  const reason = whyNot() ?? ''
  project.provide('rigReason', reason)
  if (reason !== '') {
    process.stderr.write(`rig: skipped, ${reason}\n`)
    return undefined
  }
  process.env.RIG_LIFETIME ??= '30m'
  const rig = await up()
  for (const machine of rig.machines) machine.close()
  return down
}

function isUp(): boolean {
  try {
    attach()
    return true
  } catch {
    // `unavailable`: the usual case, it is ours to make.
    return false
  }
}
