/** Every network driver with its options, out of their schemas; pure. */
import type { Driver, OptionHelp } from '@weft/shared'
import { code, heading, paragraph, table } from './markdown.ts'

export function driverReference(
  drivers: readonly Driver[],
  describe: (driver: Driver) => readonly OptionHelp[],
): string {
  return [
    heading(1, 'Drivers and their options'),
    paragraph('Made from the schemas of the drivers. Options are given as with Docker: `-o name=value`.'),
    ...drivers.flatMap((driver) => [
      heading(2, driver.name),
      paragraph(sentence(driver.summary)),
      driver.aliases.length === 0 ? '' : paragraph(`Also: ${driver.aliases.map(code).join(', ')}.`),
      paragraph(`Way out of its networks unless asked otherwise: ${code(driver.defaultEgress)}.`),
      table(['option', 'what it does', 'like', 'changes while the network lives'], describe(driver).map(row)),
    ]),
  ].join('')
}

function row({ name, aliases, required, description, example, live, fixed }: OptionHelp): string[] {
  const also = aliases.length === 0 ? '' : ` Also ${aliases.map(code).join(', ')}.`
  const must = required ? ' Required.' : ''
  return [
    code(name),
    `${sentence(description)}${must}${also}`,
    code(`${name}=${example}`),
    live ? 'yes' : `no: it ${fixed}`,
  ]
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`
}
