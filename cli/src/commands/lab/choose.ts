import { WeftError } from '@weft/shared'
import { DEFAULT_LAB, type Lab, listLabs, openLab } from '../../lab/index.ts'

/** The lab that is meant: the flag, WEFT_LAB, `default`, or the only one that is up. Throws `not_found`, `conflict`. */
export function chooseLab(flag: string | undefined, env: NodeJS.ProcessEnv): Lab {
  const named = flag ?? (env.WEFT_LAB === '' ? undefined : env.WEFT_LAB)
  if (named !== undefined) return openLab(named)
  const labs = listLabs()
  const [only] = labs
  if (labs.includes(DEFAULT_LAB) || only === undefined) return openLab(DEFAULT_LAB)
  if (labs.length === 1) return openLab(only)
  throw new WeftError('conflict', {
    what: 'several labs are up',
    on: labs.join(', '),
    remedy: `say which: --name ${only}`,
  })
}
