/** The reference: a page each of commands, drivers, files and API, made from the schemas that the programs themselves go by. */
import { describeOptions, drivers, ERROR_CODES, OPERATIONS } from '@weft/shared'
import { CONNECTION_OPTIONS } from '../commands/spec.ts'
import { TREE } from '../commands/tree.ts'
import { KINDS } from '../declare/registry.ts'
import { apiReference } from './api.ts'
import { cliReference } from './cli.ts'
import { driverReference } from './drivers.ts'
import { fileReference } from './files.ts'

/** Markdown by file name. */
export function referencePages(): Readonly<Record<string, string>> {
  return {
    'commands.md': cliReference(TREE, CONNECTION_OPTIONS),
    'drivers.md': driverReference(drivers(), describeOptions),
    'files.md': fileReference(KINDS),
    'api.md': apiReference(OPERATIONS, ERROR_CODES),
  }
}
