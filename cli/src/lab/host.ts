/**
 * A lab host: network, mount, UTS and PID namespaces of its own, kept alive by a holder, the host's process 1.
 * Daemons may come and go inside; when the holder is killed, the kernel ends everything else in the host with it.
 *
 * - /run is the host's own (a folder of the lab), so /run/docker.sock, /run/docker and /run/weft are where they are on
 *   a real host, and can be reached from outside below `HostLayout.run`.
 * - /proc and /sys are mounted anew, so that they show this host's processes and links; the cgroups are moved over,
 *   for a fresh /sys hides them, and dockerd then stops with "Devices cgroup isn't mounted".
 * - The copies of /run/netns are dropped: they would pin the namespaces of other hosts.
 */
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { ENGINE_PROGRAMS } from './engine.ts'
import type { HostLayout } from './layout.ts'
import { netnsPath } from './layout.ts'
import { HOLDER_MARK, namedNetns, namespaceOf } from './processes.ts'
import { run } from './run.ts'
import { waitFor } from './wait.ts'

/** Arguments: folder, name, folder of another engine or '', its programs. The shell stays as process 1 and reaps what is orphaned (bash waits for any child). */
const HOLDER = `
set -eu
folder=$1 name=$2 engine=$3
shift 3
read -r pid rest < /proc/self/stat
while umount -R -l /run/netns 2> /dev/null; do :; done
mount -t proc -o nosuid,nodev,noexec proc /proc
mkdir -p "$folder/aside"
if mountpoint -q /sys/fs/cgroup; then mount --move /sys/fs/cgroup "$folder/aside"; fi
mount -t sysfs -o nosuid,nodev,noexec sysfs /sys
if mountpoint -q "$folder/aside"; then mount --move "$folder/aside" /sys/fs/cgroup; fi
mount --bind "$folder/run" /run
if [ -n "$engine" ]; then
  for program in "$@"; do mount --bind "$engine/$program" "/$program"; done
fi
mkdir -p /run/lock /run/weft /run/netns
echo "$name" > /proc/sys/kernel/hostname
echo 1 > /proc/sys/net/ipv4/ip_forward
echo "$pid" > "$folder/holder.tmp"
mv "$folder/holder.tmp" "$folder/holder.pid"
trap : HUP INT TERM
while :; do sleep infinity & wait $! || :; done
`

function holderFile(host: HostLayout): string {
  return path.join(host.folder, 'holder.pid')
}

/** Process id of a host's holder, if it runs in this host's network namespace; undefined otherwise. */
export function holderOf(host: HostLayout): number | undefined {
  if (!fs.existsSync(holderFile(host))) return undefined
  const pid = Number(fs.readFileSync(holderFile(host), 'utf8'))
  const netns = namedNetns(host.netns)
  return netns !== undefined && namespaceOf(pid, 'net') === netns ? pid : undefined
}

/**
 * Makes the host's folder, its network namespace and the namespaces that its holder keeps. `engine` is the folder of
 * another Docker engine than the machine's.
 */
export async function makeHost(host: HostLayout, engine: string | undefined, signal?: AbortSignal): Promise<void> {
  for (const folder of [host.run, host.log, host.data]) fs.mkdirSync(folder, { recursive: true })
  await run(['ip', 'netns', 'add', host.netns], signal ? { signal } : {})
  const log = fs.openSync(path.join(host.log, 'holder.log'), 'a')
  const unshare = ['unshare', '--mount', '--uts', '--pid', '--fork', '--propagation', 'private', '--']
  const args = [host.folder, host.name, engine ?? '', ...ENGINE_PROGRAMS]
  const holder = spawn(
    'nsenter',
    [`--net=${netnsPath(host.netns)}`, '--', ...unshare, 'bash', '-c', HOLDER, HOLDER_MARK, ...args],
    { detached: true, stdio: ['ignore', log, log], cwd: '/' },
  )
  fs.closeSync(log)
  holder.unref()
  await waitFor(() => holderOf(host), {
    what: `lab host ${host.name} to be made`,
    timeoutMs: 10_000,
    intervalMs: 5,
    ...(signal ? { signal } : {}),
    explain: () => fs.readFileSync(path.join(host.log, 'holder.log'), 'utf8'),
  })
}
