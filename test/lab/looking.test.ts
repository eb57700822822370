/**
 * Looking, with Docker's words (issue 4 point 9): filters, templates, Docker's JSON. What a template gives is compared with
 * what the engine's own `docker network inspect -f` gives for the same network.
 */
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, it } from 'vitest'
import { execIn } from '../../cli/src/lab/index.ts'
import { on, runContainer, tryWeft, weft } from '../../cli/src/lab/scenario/check.ts'
import { type DockerNetwork, dockerNetwork } from '../../cli/src/output/docker-network.ts'
import { compile } from '../../cli/src/output/template/index.ts'
import { eventually, useLab } from '../support/lab.ts'

const WEFT = fileURLToPath(new URL('../../cli/bin/weft.js', import.meta.url))

/** Each is given to Docker and to us. What Docker refuses, we refuse. */
const TEMPLATES = [
  '{{.Name}} {{.ID}}',
  '{{.Id}}',
  '{{.Created}}|{{json .Created}}',
  '{{.Scope}}/{{.Driver}}/{{.EnableIPv6}}/{{.Internal}}/{{.Attachable}}/{{.Ingress}}/{{.ConfigOnly}}',
  '{{.ConfigFrom}} {{.ConfigFrom.Network}}|',
  '{{.IPAM}}',
  '{{.IPAM.Config}}',
  '{{json .IPAM.Config}}',
  '{{json .Labels}} {{json .Options}}',
  '{{index .IPAM.Config 0}}',
  '{{(index .IPAM.Config 0).Subnet}}',
  '{{(index .IPAM.Config 0).AuxAddress}}',
  '{{(index .IPAM.Config 0).IPRange | printf "%q"}}',
  '{{with index .IPAM.Config 0}}{{.Gateway}}{{end}}',
  '{{range .IPAM.Config}}{{.Subnet}}{{println}}{{else}}none{{end}}',
  '{{range $i, $c := .IPAM.Config}}{{$i}}={{$c.Subnet}} {{end}}',
  '{{range $k, $v := .Labels}}{{$k}}={{$v}},{{end}}',
  '{{range .Containers}}{{.Name}} {{.IPv4Address}} {{end}}',
  '{{range $id, $c := .Containers}}{{len $id}} {{$c.MacAddress}}{{end}}',
  '{{len .Containers}} {{len .Name}} {{len .IPAM.Config}}',
  '{{.Labels}}',
  '{{.Labels.team}} {{.Labels.nope}}',
  '{{index .Labels "a.dotted/key"}}|{{index .Labels "nope"}}|',
  '{{(index .Containers "nope").Name}}|',
  '{{if .Internal}}in{{else}}out{{end}} {{if and .Name (not .Internal)}}both{{end}} {{or .ConfigFrom.Network .Name}}',
  '{{if eq .Driver "bridge"}}b{{else if eq .Driver "overlay"}}o{{end}}',
  '{{eq .Driver "x" "bridge"}} {{ne .Name "plain"}} {{lt (len .Name) 9}} {{ge 1 2}}',
  '{{upper .Name}} {{lower "ABC"}} {{title "some words"}} {{join (split "a,b" ",") "-"}}',
  '{{truncate .ID 12 | len}} {{pad .Name 2 1}}|',
  '{{printf "%-10s|%5s|%q|%v|%d|%05.1f|%x" .Name "ab" .Driver .Labels 42 2.25 "hi"}}',
  '{{printf "%d" .Name}} {{printf "%s"}} {{printf "x" 1}}',
  '{{println .Name 1 true}}{{print 1 2 "a" 3}}',
  'a {{- " b " -}} c {{/* gone */}}|{{- /* gone */ -}}   d',
  '{{$n := .Name}}{{range .IPAM.Config}}{{$n}} {{$.Driver}} {{.Subnet}}{{end}}',
  '{{$x := 1}}{{if true}}{{$x = 2}}{{end}}{{$x}}',
  '{{with $x := .Driver}}{{$x}}{{.}}{{end}}{{with .ConfigFrom.Network}}x{{else}}none{{end}}',
  '{{"quoted \\"text\\"\\t"}}{{`raw`}}{{1}}{{1.5}}{{true}}',
  '{{slice .Name 1 3}}{{index .Name 0}}',
  '{{.Nope}}',
  '{{.Name.Deep}}',
  '{{index .IPAM.Config 7}}',
  '{{.Labels.team.deep}}',
  '{{nosuch .Name}}',
  '{{if .Name}}',
  '{{$undefined}}',
  '{{.Name "argument"}}',
  '{{eq .Name 1}}',
  '{{json}}',
] as const

describe('looking', () => {
  const lab = useLab('looking')
  const out = async (...args: string[]) => (await weft(lab(), ...args)).split('\n')

  beforeAll(async () => {
    await weft(
      lab(),
      'network',
      'create',
      '--no-wait',
      '--subnet',
      '10.70.0.0/24',
      '--ip-range',
      '10.70.0.128/25',
      '--aux-address',
      'router=10.70.0.5',
      '--label',
      'team=web',
      'front',
    )
    await weft(
      lab(),
      'network',
      'create',
      '--no-wait',
      '--subnet',
      '10.71.0.0/24',
      '--label',
      'team=db',
      '--label',
      'old',
      'back',
    )
    await weft(lab(), 'network', 'create', '-d', 'bridge', '--subnet', '10.72.0.0/24', 'solo')
    await weft(lab(), 'status', '--wait', '--timeout', '30s')
    await runContainer(lab(), 'docker1', 'web', 'front')
    await runContainer(lab(), 'docker2', 'db', 'back')
  }, 120_000)

  it('gives by templates what the engine gives', async () => {
    const create = [
      'docker',
      'network',
      'create',
      '--subnet',
      '10.79.0.0/24',
      '--aux-address',
      'r=10.79.0.9',
      '--label',
      'team=web',
      '--label',
      'a.dotted/key=x y',
      '-o',
      'com.docker.network.bridge.name=plain0',
      'plain',
    ]
    await on(lab(), 'docker1', ...create)
    await runContainer(lab(), 'docker1', 'inside', 'plain')
    const [described] = JSON.parse(
      await on(lab(), 'docker1', 'docker', 'network', 'inspect', 'plain'),
    ) as DockerNetwork[]
    if (described === undefined) throw new Error('docker network inspect says nothing')
    const script = 'for t; do docker network inspect -f "$t" plain 2>/dev/null || printf refused; printf "\\001"; done'
    const { stdout } = await execIn(lab(), 'docker1', ['sh', '-c', script, 'sh', ...TEMPLATES])
    const theirs = stdout
      .split('\x01')
      .slice(0, -1)
      .map((text) => (text.trim() === 'refused' ? 'refused' : text))
    const network = dockerNetwork(described)
    const ours = TEMPLATES.map((template) => {
      try {
        return `${compile(template).render(network)}\n`
      } catch {
        return 'refused'
      }
    })
    const told = (texts: readonly string[]) => TEMPLATES.map((template, at) => `${template} => ${texts[at]}`)
    expect(told(ours)).toEqual(told(theirs))
    expect(theirs.filter((text) => text === 'refused').length).toBeLessThan(12)
  }, 120_000)

  it('lists by filters, and shows what templates ask for', async () => {
    expect(await out('network', 'ls', '-f', 'label=team', '--format', '{{.Name}}')).toEqual(['back', 'front'])
    expect(await out('network', 'ls', '-f', 'driver=bridge', '-f', 'name=sol', '--format', '{{.Name}}')).toEqual([
      'solo',
    ])
    expect(await out('network', 'ls', '-f', 'dangling=true', '--format', '{{.Name}} {{.Endpoints}}')).toEqual([
      'solo 0',
    ])
    expect(await out('network', 'ls', '--format', 'table {{.Name}}\\t{{.Label "team"}}\\t{{.Subnets}}')).toEqual([
      'NAME      TEAM      SUBNETS',
      'back      db        10.71.0.0/24',
      'front     web       10.70.0.0/24',
      'solo                10.72.0.0/24',
    ])
    const ids = await out('network', 'ls', '-q', '--no-trunc')
    expect(await out('network', 'ls', '-q', '-f', `id=${ids[0]?.slice(0, 12)}`)).toEqual([ids[0]])
    expect(await out('endpoint', 'ls', '-f', 'host=docker2', '--format', '{{.Name}} {{.Network}} {{.State}}')).toEqual([
      'db back attached',
    ])
    expect(await out('endpoint', 'ls', '-f', 'name=we', '--format', '{{.Host}} {{.Addresses}}')).toEqual([
      'docker1 10.70.0.128',
    ])
    expect(await out('host', 'ls', '-f', 'state=alive', '-q')).toEqual(['docker1', 'docker2'])
  }, 60_000)

  it('inspects in Docker’s shape', async () => {
    const [front] = JSON.parse(await weft(lab(), 'network', 'inspect', 'front')) as [DockerNetwork]
    const [there] = JSON.parse(await on(lab(), 'docker1', 'docker', 'network', 'inspect', 'front')) as [DockerNetwork]
    expect(Object.keys(front)).toEqual(expect.arrayContaining(Object.keys(there)))
    expect(front.IPAM.Config).toEqual(there.IPAM.Config)
    const [id = ''] = Object.keys(there.Containers)
    const { Name, IPv4Address, MacAddress } = there.Containers[id] ?? {}
    expect(front.Containers[id]).toMatchObject({ Name, IPv4Address, MacAddress, Host: 'docker1', State: 'attached' })
    const asked = '{{(index .IPAM.Config 0).Subnet}} {{range .Containers}}{{.Name}}@{{.Host}}{{end}} {{.Weft.Mtu}}'
    expect(await out('network', 'inspect', '-f', asked, 'front', 'back')).toEqual([
      '10.70.0.0/24 web@docker1 1450',
      '10.71.0.0/24 db@docker2 1450',
    ])
    const bad = await tryWeft(lab(), 'network', 'inspect', '-f', '{{.Nope}}', 'front')
    expect(bad).toMatchObject({ code: 2, stdout: '' })
    expect(bad.stderr).toContain("can't evaluate field Nope")
  }, 60_000)

  it('prunes what nothing uses on any host, after it has said which and asked', async () => {
    const names = () => out('network', 'ls', '--format', '{{.Name}}')
    await weft(lab(), 'network', 'create', '--no-wait', '--label', 'old', '--subnet', '10.73.0.0/24', 'gone')
    await weft(lab(), 'network', 'create', '--label', 'old', '--subnet', '10.74.0.0/24', 'stopped')
    await runContainer(lab(), 'docker2', 'asleep', 'stopped')
    await on(lab(), 'docker2', 'docker', 'stop', '-t', '0', 'asleep')
    const tried = await tryWeft(lab(), 'network', 'prune', '--dry-run', '--filter', 'label=old')
    expect(tried).toMatchObject({ code: 0, stdout: '' })
    expect(tried.stderr).toContain('  gone (overlay, 10.73.0.0/24, of 20')
    expect(tried.stderr).not.toContain('stopped (')
    const unasked = await tryWeft(lab(), 'network', 'prune')
    expect(unasked).toMatchObject({ code: 2, stdout: '' })
    expect(unasked.stderr).toContain('next: add -f')
    const asked = (answer: string) => {
      const line = `${process.execPath} ${WEFT} network prune --filter label!=team --filter until=0s`
      return execIn(lab(), 'controller', ['script', '-qec', line, '/dev/null'], { input: answer })
    }
    expect((await asked('n\n')).stdout).toContain('Remove them from all hosts? [y/N]')
    expect(await names()).toEqual(['back', 'front', 'gone', 'solo', 'stopped'])
    expect((await asked('y\n')).stdout).toMatch(/Deleted Networks:\r?\ngone\r?\nsolo/)
    expect(await names()).toEqual(['back', 'front', 'stopped'])
    for (const host of ['docker1', 'docker2']) {
      const left = await on(lab(), host, 'docker', 'network', 'ls', '-f', 'driver=weft', '--format', '{{.Name}}')
      expect(left.split('\n').sort()).toEqual(['back', 'front', 'stopped'])
    }
    expect((await tryWeft(lab(), 'network', 'prune', '-f')).stderr).toContain('nothing to remove')
    await on(lab(), 'docker2', 'docker', 'start', 'asleep')
  }, 60_000)

  it('removes several, and reports each', async () => {
    await weft(lab(), 'network', 'create', '--no-wait', 'brief')
    const ended = await tryWeft(lab(), 'network', 'rm', 'front', 'brief', 'nosuch')
    expect(ended).toMatchObject({ code: 4, stdout: 'brief\n' })
    expect(ended.stderr).toMatch(/front \[conflict\][\s\S]*container web[\s\S]*nosuch \[not_found\]/)
  }, 30_000)

  it('has a status of one screen that names what is wrong first', async () => {
    await on(lab(), 'docker1', 'docker', 'network', 'create', 'mine')
    await weft(lab(), 'network', 'create', '--no-wait', 'mine')
    const lines = await eventually('the name is taken on docker1', 10_000, async () => {
      const text = await out('status')
      return text[0]?.startsWith('1 of 2 hosts') ? text : undefined
    })
    expect(lines.length).toBeLessThanOrEqual(23)
    expect(lines[2]).toMatch(/^docker1 at \d+: .*network mine: this host's Docker has a network of that name already/)
    expect(lines[3]).toMatch(/^ {2}next: on this host: docker network rm/)
    expect(lines.slice(-4).map((line) => line.split(/ +/)[0])).toEqual(['', 'HOST', 'docker1', 'docker2'])
  }, 60_000)
})
