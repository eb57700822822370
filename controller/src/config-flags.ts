/** The controller's flags as one table: parsing, help, environment and file keys are made from it. */
export interface Flag {
  readonly type: 'boolean' | 'string'
  readonly multiple?: boolean
  /** Placeholder of the value. */
  readonly value?: string
  readonly help: string
}

export const CONFIG_FLAGS = {
  embedded: { type: 'boolean', help: 'run etcd and nats-server as children (those not named by --etcd, --nats)' },
  data: { type: 'string', value: 'DIR', help: 'data folder (/var/lib/weft)' },
  listen: { type: 'string', value: 'HOST:PORT', help: 'API for agents and admins, with the secret (127.0.0.1:7474)' },
  socket: { type: 'string', value: 'PATH', help: 'API for root on this machine (/run/weft/controller.sock)' },
  'tls-cert': { type: 'string', value: 'FILE', help: 'certificate of both listeners, its CA behind it (PEM)' },
  'tls-key': { type: 'string', value: 'FILE', help: 'key of that certificate (PEM)' },
  insecure: { type: 'boolean', help: 'listen beyond loopback without TLS: the secret crosses the network in clear' },
  'nats-listen': { type: 'string', value: 'HOST:PORT', help: 'where the embedded NATS listens (127.0.0.1:4222)' },
  'secret-file': {
    type: 'string',
    value: 'FILE',
    help: 'secret of controllers and agents, made if absent (DIR/secret)',
  },
  etcd: { type: 'string', multiple: true, value: 'URL', help: 'a member of your own etcd cluster; repeat for each' },
  'etcd-ca': { type: 'string', value: 'FILE', help: 'CA that signed the certificates of an etcd with TLS (PEM)' },
  'etcd-cert': { type: 'string', value: 'FILE', help: 'certificate shown to etcd; its CN is the user (PEM)' },
  'etcd-key': { type: 'string', value: 'FILE', help: 'key of that certificate (PEM)' },
  'etcd-server-name': {
    type: 'string',
    value: 'NAME',
    help: "name in etcd's certificate, when --etcd is given as an address",
  },
  nats: { type: 'string', multiple: true, value: 'URL', help: 'a server of your own NATS cluster; repeat for each' },
  ca: {
    type: 'string',
    value: 'FILE',
    help: 'CA of the NATS servers named tls://… (PEM; the embedded one needs none)',
  },
  'etcd-bin': { type: 'string', value: 'PROGRAM', help: 'the etcd to run (etcd)' },
  'nats-bin': { type: 'string', value: 'PROGRAM', help: 'the nats-server to run (nats-server)' },
  quarantine: { type: 'string', value: 'TIME', help: 'how long a released address rests (10s)' },
  'run-dir': { type: 'string', value: 'DIR', help: 'folder of the pid file (/run/weft)' },
  'log-level': { type: 'string', value: 'LEVEL', help: 'debug, info, warn, error or silent (info)' },
  config: {
    type: 'string',
    value: 'FILE',
    help: 'JSON file with any of these as keys (/etc/weft/controller.json, if it is there)',
  },
  help: { type: 'boolean', help: 'this text' },
  version: { type: 'boolean', help: 'the version' },
} as const satisfies Record<string, Flag>

export function helpText(): string {
  const flags = Object.entries<Flag>(CONFIG_FLAGS).map(([name, { value, help }]) => {
    const left = value === undefined ? `--${name}` : `--${name} ${value}`
    return `  ${left.padEnd(26)} ${help}`
  })
  return `Examples:
  weft controller --embedded
      one machine, nothing else to set up: etcd and NATS run as children, data in /var/lib/weft
  weft controller init
      the same, reachable by the agents of other hosts: certificates, configuration, service (weft controller init --help)
  weft controller --etcd http://10.0.0.1:2379 --etcd http://10.0.0.2:2379 --nats nats://10.0.0.1:4222
      on clusters of your own; start as many controllers as you like
  weft controller --embedded --etcd https://etcd1:2379 --etcd-ca ca.pem --etcd-cert weft.pem --etcd-key weft.key
      on an etcd of your own that asks for certificates

Usage: weft controller [flags]

${flags.join('\n')}

A flag may also be given in the environment (WEFT_LOG_LEVEL=debug; lists with commas) or in the file of --config
({"log-level": "debug"}); flags win over the environment, the environment over the file.
`
}
