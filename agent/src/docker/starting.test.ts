import { describe, expect, it } from 'vitest'
import { mountedIn } from './starting.ts'

const ROOT = '/var/lib/docker'
const line = (mountPoint: string) =>
  `1234 29 0:52 / ${mountPoint} rw,relatime shared:130 - overlay overlay rw,lowerdir=/a:/b,upperdir=/c,workdir=/d`
const MOUNTINFO = [line(`${ROOT}/overlay2/aaa/merged`), line(`${ROOT}/overlay2/bbb/merged`), line('/run'), ''].join(
  '\n',
)

describe('whose root is mounted', () => {
  it('is told by the mount id', () => {
    const ids = new Map([
      ['web', 'aaa'],
      ['db', 'ccc'],
    ])
    expect(mountedIn(MOUNTINFO, ROOT, ids)).toEqual(['web'])
  })

  it('is several when several start', () => {
    const ids = new Map([
      ['web', 'aaa'],
      ['db', 'bbb'],
    ])
    expect(mountedIn(MOUNTINFO, ROOT, ids)).toEqual(['web', 'db'])
  })

  it('is nobody under another root, or by a part of a name', () => {
    expect(mountedIn(MOUNTINFO, '/srv/docker', new Map([['web', 'aaa']]))).toEqual([])
    expect(mountedIn(MOUNTINFO, ROOT, new Map([['web', 'aa']]))).toEqual([])
    expect(mountedIn('', ROOT, new Map([['web', 'aaa']]))).toEqual([])
  })

  it('reads octal escapes', () => {
    const text = line('/srv/my\\040docker/overlay2/aaa/merged')
    expect(mountedIn(text, '/srv/my docker', new Map([['web', 'aaa']]))).toEqual(['web'])
  })
})
