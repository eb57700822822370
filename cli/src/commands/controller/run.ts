import { becomeProgram } from '../../programs.ts'
import type { Run } from '../spec.ts'

/** Becomes the controller. */
export const run: Run = async (context, { args }) => becomeProgram('controller', args, context.terminal.env)
