/** One host, one name, one VTEP (PAINS 18): clones of a machine share what must be their own. */
import { hostCheck } from './check.ts'

interface Facts {
  readonly address: string
  readonly peers: Readonly<Record<string, string>>
}

export const identity = hostCheck<Facts>({
  name: 'identity',
  probe: async ({ facts, asked }) => ({ address: facts.underlay.address, peers: asked.peers }),
  judge: ({ address, peers }) => {
    const twin = Object.entries(peers).find(([, other]) => other === address)
    if (twin === undefined) return [{ severity: 'ok', measured: `VTEP ${address} is this host's alone` }]
    return [
      {
        severity: 'error',
        measured: `host ${twin[0]} has the VTEP ${address} too`,
        why: 'what is sent to the one arrives at the other, at random',
        remedy: 'give one of them another address, and name it with weft agent --vtep ADDRESS',
      },
    ]
  },
})
