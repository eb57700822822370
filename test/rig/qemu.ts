/** QEMU's command line; pure. Emulation is named outright: KVM would be probed, and on a nested machine it dies late. */
import path from 'node:path'
import type { RigImage } from './image.ts'
import { type MachineLayout, PREFIX_LENGTH, SEGMENTS } from './layout.ts'

/**
 * mitigations=off and the rest: what costs an emulated CPU seconds and proves nothing here. norandmaps above all: QEMU knows
 * translated code by its address, and a program that lies elsewhere at each start is translated at each start.
 */
export const KERNEL_WORDS = 'console=ttyS0 net.ifnames=0 quiet mitigations=off norandmaps audit=0 selinux=0 apparmor=0'

export function qemuArguments(machine: MachineLayout, image: RigImage): string[] {
  const at = (name: string) => path.join(machine.folder, name)
  const words = `${KERNEL_WORDS} systemd.hostname=${machine.name} rig.address=${machine.ipv4}/${PREFIX_LENGTH}`
  return [
    // A translation cache that is full is thrown away whole: this one two or three times in a run. A machine takes up to 1.6 GiB.
    ...['-accel', 'tcg,thread=multi,tb-size=512', '-M', 'q35', '-cpu', 'qemu64,+ssse3,+sse4.1,+sse4.2,+popcnt,+cx16'],
    ...['-smp', '1', '-m', String(machine.memoryMiB), '-name', machine.name],
    ...['-nodefaults', '-no-user-config', '-display', 'none'],
    ...['-kernel', image.kernel, '-initrd', image.initrd, '-append', words],
    ...['-drive', `if=none,id=d0,file=${at('disk.qcow2')},format=qcow2,cache=unsafe`],
    ...['-device', 'virtio-blk-pci,drive=d0', '-device', 'virtio-rng-pci'],
    ...segment('management', 'n0', machine.managementMac),
    ...segment('trunk', 'n1', machine.trunkMac),
    ...['-device', 'virtio-serial-pci'],
    ...['-chardev', `socket,id=agent,path=${at('agent.sock')},server=on,wait=off`],
    ...['-device', 'virtserialport,chardev=agent,name=org.qemu.guest_agent.0'],
    ...['-chardev', `socket,id=monitor,path=${at('monitor.sock')},server=on,wait=off`],
    ...['-mon', 'chardev=monitor,mode=control'],
    ...['-serial', `file:${at('console.log')}`],
    ...['-chardev', `socket,id=shell,path=${at('shell.sock')},server=on,wait=off`, '-serial', 'chardev:shell'],
  ]
}

function segment(name: keyof typeof SEGMENTS, id: string, mac: string): string[] {
  const { group, port } = SEGMENTS[name]
  return [
    ...['-netdev', `socket,id=${id},mcast=${group}:${port},localaddr=127.0.0.1`],
    ...['-device', `virtio-net-pci,netdev=${id},mac=${mac},id=nic-${name}`],
  ]
}
