/** The control files of a Debian package (deb-control(5), deb-conffiles(5)); pure. */
export interface ControlInput {
  readonly version: string
  readonly architecture: 'amd64' | 'arm64'
  /** KiB. */
  readonly installedSize: number
}

/** What runs must be there (Depends); what one machine of several needs is for its admin to choose (Suggests). */
const DEPENDS = [
  ...['libc6 (>= 2.28)', 'libstdc++6 (>= 9)', 'libgcc-s1', 'libatomic1'],
  ...['iproute2', 'nftables', 'init-system-helpers (>= 1.54~)', 'systemd'],
]

export const CONFFILES = ['/etc/weft/agent.env', '/etc/weft/controller.env'] as const

export function controlFile({ version, architecture, installedSize }: ControlInput): string {
  return `Package: weft
Version: ${version}
Architecture: ${architecture}
Maintainer: The Weft authors <maintainers@weft.invalid>
Installed-Size: ${installedSize}
Depends: ${DEPENDS.join(', ')}
Recommends: iputils-ping
Suggests: docker.io | docker-ce, etcd-server (>= 3.4), nats-server (>= 2.9)
Section: net
Priority: optional
Description: one network across plain Docker hosts
 Weft gives containers on several Linux hosts that run plain Docker one set of
 networks: cluster-unique addresses and traffic over macvlan on VLANs where the
 wire is shared, over VXLAN where it is not, set up with one command.
 .
 This package holds the controller, the agent, the command line, their systemd
 units and the Node they run on. It starts nothing until it is configured.
`
}

export function changelog(version: string, date: Date): string {
  const stamp = date.toUTCString().replace('GMT', '+0000')
  const text = `  * See CHANGELOG.md of the source for what changed.\n\n -- The Weft authors <maintainers@weft.invalid>  ${stamp}\n`
  return `weft (${version}) unstable; urgency=medium\n\n${text}`
}
