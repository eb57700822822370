/**
 * What a Debian system does not need in order to prove Weft, switched off: emulated, an untrimmed image takes 18-28 s
 * to a login, a trimmed one 9-10 s. What Weft depends on stays: systemd, udev's default and driver rules, the journal.
 */
import fs from 'node:fs'
import path from 'node:path'

const SERVICES = [
  ...['modprobe@configfs', 'modprobe@dm_mod', 'modprobe@drm', 'modprobe@efi_pstore', 'modprobe@fuse', 'modprobe@loop'],
  ...['systemd-logind', 'systemd-update-utmp', 'systemd-update-utmp-runlevel', 'systemd-random-seed', 'systemd-binfmt'],
  ...['systemd-firstboot', 'systemd-machine-id-commit', 'systemd-pcrphase', 'systemd-pcrphase-sysinit'],
  ...['systemd-repart', 'systemd-network-generator', 'systemd-remount-fs', 'systemd-journal-flush'],
  ...['systemd-sysusers', 'systemd-user-sessions', 'systemd-pstore', 'kmod-static-nodes', 'qemu-guest-agent'],
  ...['serial-getty@ttyS0', 'getty@tty1', 'apt-daily', 'apt-daily-upgrade', 'dpkg-db-backup', 'e2scrub_reap', 'fstrim'],
]
const OTHERS = [
  ...['dev-hugepages.mount', 'dev-mqueue.mount', 'proc-sys-fs-binfmt_misc.automount', 'sys-fs-fuse-connections.mount'],
  ...['sys-kernel-config.mount', 'sys-kernel-debug.mount', 'sys-kernel-tracing.mount'],
  ...['systemd-ask-password-console.path', 'systemd-ask-password-wall.path', 'systemd-tmpfiles-clean.timer'],
  ...['cryptsetup.target', 'integritysetup.target', 'veritysetup.target', 'swap.target', 'apt-daily.timer'],
  ...['apt-daily-upgrade.timer', 'dpkg-db-backup.timer', 'e2scrub_all.timer', 'fstrim.timer'],
]
const GENERATORS = [
  ...['cryptsetup', 'debug', 'gpt-auto', 'hibernate-resume', 'integritysetup', 'rc-local', 'system-update', 'sysv'],
  ...['veritysetup', 'getty', 'fstab', 'run'],
]
const UDEV_RULES_KEPT = ['50-udev-default.rules', '75-net-description.rules', '80-net-setup-link.rules'].concat(
  '80-drivers.rules',
  '80-docker.rules',
  '99-systemd.rules',
)

/** Masks units, generators and udev rules below `root`. */
export function trim(root: string): void {
  const etc = (...parts: string[]) => path.join(root, 'etc', ...parts)
  for (const unit of [...SERVICES.map((name) => `${name}.service`), ...OTHERS]) mask(etc('systemd/system', unit))
  for (const name of GENERATORS) mask(etc('systemd/system-generators', `systemd-${name}-generator`))
  for (const rule of fs.readdirSync(path.join(root, 'usr/lib/udev/rules.d')))
    if (!UDEV_RULES_KEPT.includes(rule)) mask(etc('udev/rules.d', rule))
  write(etc('systemd/journald.conf.d/rig.conf'), '[Journal]\nStorage=volatile\nAudit=no\n')
  const kinds = ['net', 'block', 'module', 'virtio-ports'].map((kind) => `--subsystem-match=${kind}`).join(' ')
  write(
    etc('systemd/system/systemd-udev-trigger.service.d/rig.conf'),
    `[Service]\nExecStart=\nExecStart=udevadm trigger --action=add ${kinds}\n`,
  )
}

function mask(file: string): void {
  fs.mkdirSync(path.dirname(file), { recursive: true })
  fs.rmSync(file, { force: true })
  fs.symlinkSync('/dev/null', file)
}

function write(file: string, text: string): void {
  fs.mkdirSync(path.dirname(file), { recursive: true })
  fs.writeFileSync(file, text)
}
