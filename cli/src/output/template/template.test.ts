import { WeftError } from '@weft/shared'
import { describe, expect, it } from 'vitest'
import { compile, GoMap, GoStruct, GoTime, toData } from './index.ts'

const CONFIG = new GoStruct(
  { Subnet: '10.20.0.0/24', IPRange: '', Gateway: '10.20.0.1', AuxAddress: new GoMap({}, '') },
  { IPRange: { omitEmpty: true }, AuxAddress: { name: 'AuxiliaryAddresses', omitEmpty: true } },
)
const NETWORK = new GoStruct(
  {
    Name: 'mynet',
    ID: 'abc',
    Created: new GoTime('2026-11-21T15:34:03.820Z'),
    Internal: false,
    Mtu: 1450,
    IPAM: new GoStruct({ Driver: 'weft', Config: [CONFIG] }),
    Labels: new GoMap({ tier: 'db', team: 'web' }, ''),
    Plain: { big: 1234567, part: 0.5, none: null },
  },
  { ID: { name: 'Id' } },
)

/** Template, what it gives. Checked against real Docker in test/lab/looking.test.ts as far as Docker has the fields. */
const CASES: readonly (readonly [string, string])[] = [
  ['{{.Name}}', 'mynet'],
  ['a {{- .Name -}} b', 'amynetb'],
  ['a {{/* note */}} b', 'a  b'],
  ['a {{- /* note */ -}} b', 'ab'],
  ['{{.Id}} {{.ID}}', 'abc abc'],
  ['{{.IPAM.Config}}', '[{10.20.0.0/24  10.20.0.1 map[]}]'],
  ['{{index .IPAM.Config 0}}', '{10.20.0.0/24  10.20.0.1 map[]}'],
  ['{{(index .IPAM.Config 0).Subnet}}', '10.20.0.0/24'],
  ['{{(index .IPAM.Config 0).Subnet | len}}', '12'],
  ['{{range .IPAM.Config}}{{.Gateway}}{{else}}none{{end}}', '10.20.0.1'],
  ['{{range .Plain.none}}x{{else}}none{{end}}', 'none'],
  ['{{range $k, $v := .Labels}}{{$k}}={{$v}};{{end}}', 'team=web;tier=db;'],
  ['{{range $i, $c := .IPAM.Config}}{{$i}}:{{$c.Subnet}}{{end}}', '0:10.20.0.0/24'],
  ['{{range .Labels}}{{.}}{{break}}{{end}}', 'web'],
  ['{{range .Labels}}{{if eq . "web"}}{{continue}}{{end}}{{.}}{{end}}', 'db'],
  ['{{if .Internal}}in{{else if .Name}}named{{else}}no{{end}}', 'named'],
  ['{{with .Labels.team}}<{{.}}>{{end}}{{with .Labels.nope}}x{{else}}y{{end}}', '<web>y'],
  ['{{.Labels.nope}}', '<no value>'],
  ['[{{index .Labels "nope"}}]', '[]'],
  ['{{.Labels}}', 'map[team:web tier:db]'],
  ['{{json .Labels}}', '{"team":"web","tier":"db"}'],
  ['{{json .IPAM.Config}}', '[{"Subnet":"10.20.0.0/24","Gateway":"10.20.0.1"}]'],
  ['{{.Created}}', '2026-11-21 15:34:03.82 +0000 UTC'],
  ['{{json .Created}}', '"2026-11-21T15:34:03.820Z"'],
  ['{{$n := .Name}}{{with .IPAM}}{{$n}}/{{$.Name}}/{{.Driver}}{{end}}', 'mynet/mynet/weft'],
  ['{{$n := "a"}}{{if true}}{{$n = "b"}}{{end}}{{$n}}', 'b'],
  ['{{if and .Name (not .Internal)}}yes{{end}}', 'yes'],
  ['{{or .Internal .Name}}', 'mynet'],
  ['{{eq .Name "x" "mynet"}} {{ne .Mtu 1450}} {{gt .Mtu 1400}} {{le "a" "b"}}', 'true false true true'],
  ['{{printf "%s|%6d|%-5s|%q|%05d|%x" .Name .Mtu "ab" "q\\"t" 42 255}}', 'mynet|  1450|ab   |"q\\"t"|00042|ff'],
  ['{{printf "%v %v %t" .Labels true false}}', 'map[team:web tier:db] true false'],
  ['{{printf "%d %s" "x"}}', '%!d(string=x) %!s(MISSING)'],
  ['{{printf "a" 1}}', 'a%!(EXTRA int=1)'],
  ['{{printf "%.1f %.1f %.0f %.1f" 2.25 2.35 0.5 1.45}}', '2.2 2.4 0 1.4'],
  ['{{printf "%.2f" .Plain.part}} {{.Plain.part}} {{.Plain.big}}', '0.50 0.5 1234567'],
  ['{{println "a" 1}}', 'a 1\n'],
  ['{{print "a" 1 2 "b"}}', 'a1 2b'],
  ['{{join (split "a,b" ",") "+"}} {{upper "ab"}} {{lower "AB"}} {{title "ab cd"}}', 'a+b AB ab Ab Cd'],
  ['{{truncate "abcdef" 3}}{{pad "x" 1 2}}|', 'abc x  |'],
  ['{{"raw" | printf "%s-%s" "a"}}', 'a-raw'],
  ['{{`{{`}} {{"\\t"}}|', '{{ \t|'],
  ['{{slice "abcdef" 1 3}} {{len .Labels}}', 'bc 2'],
  ['{{range $i, $c := "x" | split "axb"}}{{end}}', ''],
]

describe('templates', () => {
  it.each(CASES)('%s', (source, expected) => {
    expect(compile(source).render(NETWORK)).toBe(expected)
  })

  it.each([
    ['{{.Nope}}', `can't evaluate field Nope`],
    ['{{.Plain.nope}}', 'map has no entry for key "nope"'],
    ['{{.Name.Deep}}', `can't evaluate field Deep in type string`],
    ['{{nope .}}', 'function "nope" not defined'],
    ['{{$x}}', 'undefined variable "$x"'],
    ['{{if .Name}}', '{{if}} without {{end}}'],
    ['{{end}}', 'unexpected {{end}}'],
    ['{{.Name', 'unclosed action'],
    ['{{}}', 'missing value for command'],
    ['{{index .IPAM.Config 3}}', 'error calling index: index out of range: 3'],
    ['{{eq .Name 1}}', 'incompatible types for comparison'],
    ['{{.Name "x"}}', 'is not a method but has arguments'],
    ['{{define "x"}}{{end}}', '{{define}} is not supported'],
    ['{{"abc}}', 'unterminated quoted string'],
    ['{{(.Name}}', 'unclosed left paren'],
    ['{{break}}', '{{break}} outside {{range}}'],
  ])('%s is refused with its place', (source, why) => {
    const failure = (() => {
      try {
        return compile(source, '-f').render(NETWORK)
      } catch (error) {
        return error
      }
    })()
    expect(failure).toBeInstanceOf(WeftError)
    const { code, parts } = failure as WeftError
    expect(code).toBe('invalid')
    expect(parts).toMatchObject({ what: 'bad -f', on: source })
    expect(parts.why).toContain(why)
    expect(parts.why).toMatch(/\(line \d+, column \d+\)$/)
  })

  it('gives methods their arguments', () => {
    const labels: Record<string, string> = { team: 'web' }
    const row = new GoStruct({ Label: (key) => labels[String(key)] ?? '' })
    expect(compile('{{.Label "team"}}-{{"team" | .Label}}').render(row)).toBe('web-web')
  })

  it('leaves headings alone', () => {
    const titles = new GoStruct({ Name: 'NAME', ID: 'NETWORK ID' })
    expect(compile('{{lower .Name}} {{json .ID}}').headings(titles)).toBe('NAME NETWORK ID')
  })

  it('is JSON under the names that JSON has', () => {
    expect(toData(NETWORK)).toMatchObject({ Id: 'abc', Created: '2026-11-21T15:34:03.820Z', Mtu: 1450 })
  })
})
