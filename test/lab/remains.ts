/** What a lab, or anything, leaves on the machine. The truth comes from the kernel and iproute2, not from the lab's code. */
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'

function eachProcess(read: (pid: string) => string): string[] {
  return fs
    .readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        return [read(pid)]
      } catch {
        // Ended, or a zombie, which has no namespaces and no command line any more.
        return []
      }
    })
}

/** Everything on the machine that carries a lab's name, one line each. */
export function traces(lab: string): string[] {
  const ours = (line: string) => line.includes(`weft-${lab}-`) || line.includes(`weft-lab/${lab}`)
  const mounts = fs.readFileSync('/proc/self/mountinfo', 'utf8').split('\n')
  const netns = execFileSync('ip', ['netns', 'list'], { encoding: 'utf8' }).split('\n')
  const processes = eachProcess((pid) => fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' '))
  const containers = eachProcess((pid) => fs.readFileSync(`/proc/${pid}/cgroup`, 'utf8')).flatMap((text) =>
    text.split('\n'),
  )
  const cgroups = execFileSync('find', ['/sys/fs/cgroup', '-name', `weft-${lab}-*`], { encoding: 'utf8' }).split('\n')
  const folder = fs.existsSync(`/var/lib/weft-lab/${lab}`) ? [`folder weft-lab/${lab}`] : []
  return [...mounts, ...netns, ...processes, ...containers, ...cgroups, ...folder].filter(ours)
}

/** PID namespaces of a lab's hosts that are up: `pid:[4026532001]`. */
export function pidNamespaces(lab: string): string[] {
  return fs.globSync(`/var/lib/weft-lab/${lab}/*/holder.pid`).map((file) => {
    const holder = fs.readFileSync(file, 'utf8').trim()
    return fs.readlinkSync(`/proc/${holder}/ns/pid`)
  })
}

/** Commands of the processes in these PID namespaces: shims and containers do not carry a lab's name. */
export function inhabitants(namespaces: readonly string[]): string[] {
  return eachProcess((pid) => {
    const inside = namespaces.includes(fs.readlinkSync(`/proc/${pid}/ns/pid`))
    // A zombie has ended; the machine's own process 1 collects it when it likes.
    const ended = / [ZX] /.test(fs.readFileSync(`/proc/${pid}/stat`, 'utf8'))
    return inside && !ended ? fs.readFileSync(`/proc/${pid}/comm`, 'utf8') : ''
  }).filter((command) => command !== '')
}

/** What a lab might change without its name on it: the machine's links, firewall and mounts. */
export function machine(): Record<'links' | 'firewall' | 'mounts', string[]> {
  const links = JSON.parse(execFileSync('ip', ['-j', 'link'], { encoding: 'utf8' })) as { ifname: string }[]
  const mounts = fs.readFileSync('/proc/self/mountinfo', 'utf8').trim().split('\n')
  return {
    links: links.map((link) => link.ifname).sort(),
    firewall: execFileSync('nft', ['list', 'tables'], { encoding: 'utf8' }).trim().split('\n'),
    // /run/netns is iproute2's own, made by the first `ip netns add` on a machine and kept. What carries a lab's name is for
    // `traces`: other labs come and go beside this one.
    mounts: mounts
      .map((line) => line.split(' ')[4] ?? '')
      .filter((at) => at !== '/run/netns' && !/^\/run\/netns\/weft-[a-z0-9]+-/.test(at))
      .sort(),
  }
}
