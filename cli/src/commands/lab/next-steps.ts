/** What a person types next, with the names of the lab that is up. */

export interface NextSteps {
  readonly lab: string
  /** Names of the Docker hosts, one at least. */
  readonly hosts: readonly string[]
  readonly detached: boolean
}

/** Concrete commands that can be pasted in order. */
export function nextSteps({ lab, hosts, detached }: NextSteps): string {
  const flag = lab === 'default' ? '' : ` --name ${lab}`
  const weft = lab === 'default' ? 'npx weft' : `WEFT_LAB=${lab} npx weft`
  const [first = 'docker1'] = hosts
  const last = hosts.at(-1) ?? first
  const where = detached ? 'from this folder' : 'in a second terminal, from this folder'
  return `The lab is up: a controller and ${hosts.join(', ')}. Type next, ${where}:

  ${weft} network create --subnet 10.20.0.0/24 mynet
  ${weft} lab exec ${first} -- docker run -d --name web --network mynet busybox httpd -f -h /etc
  ${weft} lab exec ${last} -- docker run --rm --network mynet busybox ping -c 3 10.20.0.2
  ${weft} endpoint ls
  ${weft} status

${detached ? `Take it down with: npx weft lab down${flag}` : 'Ctrl-C here takes the lab down and leaves nothing behind.'}`
}
