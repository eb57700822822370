/** systemd-networkd and NetworkManager take what they did not make for theirs unless told otherwise (PAINS 15, 17). */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { hostCheck, type Verdict } from './check.ts'

interface Facts {
  readonly networkd: boolean
  readonly networkManager: boolean
  /** What of the package's drop-ins is in force. */
  readonly foreignRoutesKept: boolean
  readonly foreignRulesKept: boolean
  readonly linksUnmanaged: boolean
  readonly macsKept: boolean
  readonly managerKeepsOff: boolean
}

const PLACES = ['/etc', '/run', '/usr/local/lib', '/usr/lib', '/lib'] as const
const REINSTALL = 'apt-get install --reinstall weft && udevadm control --reload'

export const managers = hostCheck<Facts>({
  name: 'managers',
  probe: async () => {
    const networkd = textOf('systemd', 'networkd.conf', 'networkd.conf.d', '.conf')
    const links = textOf('systemd/network', undefined, '', '.link')
    const networks = textOf('systemd/network', undefined, '', '.network')
    const manager = textOf('NetworkManager', 'NetworkManager.conf', 'conf.d', '.conf')
    return {
      networkd: existsSync('/run/systemd/netif/state'),
      networkManager:
        existsSync('/run/NetworkManager/NetworkManager.conf') || existsSync('/run/NetworkManager/devices'),
      foreignRoutesKept: /^ManageForeignRoutes=(no|false|0|off)\s*$/m.test(networkd),
      foreignRulesKept: /^ManageForeignRoutingPolicyRules=(no|false|0|off)\s*$/m.test(networkd),
      linksUnmanaged: /WEFT_LINK=1[\s\S]*?^Unmanaged=(yes|true|1|on)\s*$/m.test(networks),
      macsKept: /WEFT_LINK=1[\s\S]*?^MACAddressPolicy=none\s*$/m.test(links),
      managerKeepsOff: /^unmanaged-devices=.*interface-name:wf\*/m.test(manager),
    }
  },
  judge: (facts) => {
    const lacking: [boolean, string, string][] = [
      [facts.foreignRoutesKept, 'ManageForeignRoutes=no', 'networkd removes routes that it did not make'],
      [facts.foreignRulesKept, 'ManageForeignRoutingPolicyRules=no', 'networkd removes rules that it did not make'],
      [facts.linksUnmanaged, '10-weft.network', "networkd may configure Weft's links"],
      [facts.macsKept, '10-weft.link', 'udev gives a new link another MAC than its peers were told'],
    ]
    const verdicts = facts.networkd
      ? lacking.filter(([has]) => !has).map(([, what, why]) => without('systemd-networkd', what, why))
      : []
    if (facts.networkManager && !facts.managerKeepsOff)
      verdicts.push(without('NetworkManager', 'unmanaged-devices', "NetworkManager may configure Weft's links"))
    if (verdicts.length > 0) return verdicts
    const running = [facts.networkd ? 'systemd-networkd' : [], facts.networkManager ? 'NetworkManager' : []].flat()
    const measured =
      running.length === 0 ? 'neither networkd nor NetworkManager runs' : `${running.join(', ')} kept off`
    return [{ severity: 'ok', measured }]
  },
})

function without(manager: string, what: string, why: string): Verdict {
  return { severity: 'warn', measured: `${manager} runs without ${what}`, why, remedy: REINSTALL }
}

/** All configuration of one kind, as far as it can be read. */
function textOf(folder: string, main: string | undefined, dropIns: string, suffix: string): string {
  const texts = PLACES.flatMap((place) => {
    const base = path.join(place, folder)
    const parts = path.join(base, dropIns)
    const names = existsSync(parts) ? readdirSync(parts).filter((name) => name.endsWith(suffix)) : []
    const files = names.map((name) => path.join(parts, name))
    return [...(main === undefined ? [] : [path.join(base, main)]), ...files].filter((file) => existsSync(file))
  })
  return texts.map((file) => readFileSync(file, 'utf8')).join('\n')
}
