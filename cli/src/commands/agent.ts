import { becomeProgram } from '../programs.ts'
import type { Run } from './spec.ts'

/** Becomes the agent. */
export const run: Run = async (context, { args }) => becomeProgram('agent', args, context.terminal.env)
