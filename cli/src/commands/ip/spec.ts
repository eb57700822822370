/** `weft ip`: who has which address of a network, and addresses that belong to a container's name. */
import { type GroupSpec, listOptions } from '../spec.ts'

export const ipSpec: GroupSpec = {
  name: 'ip',
  summary: "A network's addresses: who has them, and for whom they are reserved",
  examples: [
    { line: 'weft ip reserve mynet web 10.20.0.50', does: 'the address is web’s, whichever host web is on' },
    { line: 'weft ip ls mynet', does: 'who has which address, where and since when' },
    { line: 'weft ip release mynet web', does: 'it is nobody’s again' },
  ],
  commands: [
    {
      name: 'reserve',
      summary: "Reserve addresses for a container's name",
      details:
        'The container of that name gets them, and always the same MAC, on any host, after a stop, a removal or a move; ' +
        'no other container ever does. One address a family: what is left out is what the container has now, else the ' +
        'next free one. A container that runs with another address gets the reserved one at its next start.',
      examples: [
        { line: 'weft ip reserve mynet web 10.20.0.50', does: 'this address for web' },
        { line: 'weft ip reserve mynet web', does: 'the address that web has now, else the next free one' },
        {
          line: 'weft ip reserve --mac 02:00:00:00:00:50 mynet web 10.20.0.50 fd20::50',
          does: 'both families and the MAC',
        },
      ],
      arguments: [
        { name: '<NETWORK>', summary: 'name or id', hint: 'networks' },
        { name: '<NAME>', summary: 'name of the container, as in docker run --name', hint: 'endpoints' },
        { name: '[IP...]', summary: 'one a family' },
      ],
      options: [
        { flags: '--mac <MAC>', summary: 'its MAC address (default: the one it has, else one made from the address)' },
      ],
      api: true,
      load: () => import('./reserve.ts'),
    },
    {
      name: 'release',
      summary: 'Give reservations up',
      details:
        'A name or one of its addresses stands for the whole reservation. A container that has the addresses keeps them until it is removed.',
      examples: [
        { line: 'weft ip release mynet web', does: 'by container name' },
        { line: 'weft ip release mynet 10.20.0.50', does: 'by address' },
      ],
      arguments: [
        { name: '<NETWORK>', summary: 'name or id', hint: 'networks' },
        { name: '<NAME|IP...>', summary: 'container names or addresses', hint: 'endpoints' },
      ],
      api: true,
      load: () => import('./release.ts'),
    },
    {
      name: 'ls',
      aliases: ['list'],
      summary: 'List the addresses of a network that are not free',
      examples: [
        { line: 'weft ip ls mynet', does: 'the plan' },
        {
          line: 'weft ip ls -q -f state=reserved mynet',
          does: 'addresses that are kept for a name and that nobody has',
        },
      ],
      arguments: [{ name: '<NETWORK>', summary: 'name or id', hint: 'networks' }],
      options: listOptions(['state', 'name', 'host']),
      api: true,
      load: () => import('./ls.ts'),
    },
  ],
}
