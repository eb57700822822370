import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { advertisement, arpAnnouncement } from '../../agent/src/kernel/announce.ts'
import { closeDescriptor, openPacketSocket, receiveBytes } from '../../agent/src/kernel/libc.ts'
import { openNetlink } from '../../agent/src/kernel/netlink/transport.ts'
import { findLink } from '../../agent/src/kernel/read/link-row.ts'
import { createLinuxWorld, type LinuxWorld } from './linux-world.ts'

const MAC = '02:00:00:00:00:77'

describe('announcing an address', () => {
  let world: LinuxWorld
  beforeEach(async () => {
    world = await createLinuxWorld()
    world.addNic('eth0', '192.168.77.1/24')
  })
  afterEach(() => world.dispose())

  it('is heard on the wire below, and what is gone has nothing to say', async () => {
    const leg = {
      kind: 'macvlan',
      netns: '',
      name: 'wfl1',
      mac: MAC,
      parent: { netns: '', name: 'eth0' },
      mode: 'bridge',
      up: true,
    } as const
    expect(await world.kernel.apply([{ op: 'link-add', link: leg }])).toEqual([])
    const heard = (etherType: number) => {
      using netlink = openNetlink()
      const fd = openPacketSocket(etherType, findLink(netlink, 'eth0-far')?.index ?? 0)
      const frames = () => {
        const buffer = Buffer.alloc(2048)
        const all: string[] = []
        for (let got = receiveBytes(fd, buffer); 'length' in got; got = receiveBytes(fd, buffer)) {
          all.push(buffer.subarray(0, got.length).toString('hex'))
        }
        closeDescriptor(fd)
        return all
      }
      return frames
    }
    const [arp, ipv6] = [heard(0x0806), heard(0x86dd)]
    await world.kernel.announce([
      { netns: '', link: 'wfl1', addresses: ['10.64.0.9', 'fd64::9'] },
      { netns: '', link: 'wfl2', addresses: ['10.64.0.8'] },
      { netns: 'weft-r-000000000000', link: 'wfl1', addresses: ['10.64.0.8'] },
    ])
    await new Promise((resolve) => setTimeout(resolve, 50))
    const mac = Buffer.from(MAC.replaceAll(':', ''), 'hex')
    expect(arp()).toEqual([arpAnnouncement(mac, Buffer.from([10, 64, 0, 9])).toString('hex')])
    const ip = Buffer.from('fd640000000000000000000000000009', 'hex')
    expect(ipv6()).toContain(advertisement(mac, ip).toString('hex'))
  })
})
