import { parseWith, WeftError } from '@weft/shared'
import { z } from 'zod'
import { note, print } from '../../output/terminal.ts'
import { renewController } from '../../setup/controller-setup.ts'
import { checkRoot } from '../../setup/preflight.ts'
import { hasUnit, startUnits } from '../../setup/systemd.ts'
import type { Run } from '../spec.ts'
import { UNIT, UNIT_CONFIG } from './unit.ts'

const Flags = z.strictObject({ config: z.string().startsWith('/'), start: z.boolean() })

/** Makes the controller's certificate anew and starts the controller with it; prints until when it is valid. */
export const run: Run = async ({ terminal }, { options }) => {
  const { config, start } = parseWith(Flags, options, 'options')
  checkRoot(process.getuid?.())
  const until = renewController(config, new Date())
  if (until === undefined)
    throw new WeftError('not_found', {
      what: 'no controller was set up here',
      on: config,
      why: 'the file does not exist',
      remedy: 'set it up: weft controller init',
    })
  if (start && config === UNIT_CONFIG && (await hasUnit(UNIT))) {
    note(terminal, `starting ${UNIT} with the new certificate`)
    await startUnits([UNIT], true)
  } else note(terminal, 'start the controller anew, so that it shows the new certificate')
  print(terminal, until.toISOString())
  return undefined
}
