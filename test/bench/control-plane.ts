/** From `network create` to applied on all hosts, beside the floor: one etcd commit and a NATS round trip to each host. */
import { randomUUID } from 'node:crypto'
import { request } from 'node:http'
import { execIn, type Lab } from '../../cli/src/lab/index.ts'

export interface ControlPlaneSamples {
  /** Milliseconds from sending the request to every host having acknowledged that kernel and Docker hold the network. */
  readonly createToAppliedMs: readonly number[]
  /** Milliseconds of the floor, in the same rounds. */
  readonly floorMs: readonly number[]
}

/** Interleaves creations with the floor; removes every network that it made. */
export async function measureControlPlane(lab: Lab, rounds: number): Promise<ControlPlaneSamples> {
  const createToAppliedMs: number[] = []
  const floorMs: number[] = []
  for (let round = 0; round < rounds; round++) {
    createToAppliedMs.push(await createToApplied(lab, round))
    floorMs.push(await floor(lab))
  }
  return { createToAppliedMs, floorMs }
}

async function createToApplied(lab: Lab, round: number): Promise<number> {
  const name = `bench-${round}`
  // The floor writes beside Weft's keys: what the controller's cache has to catch up with is not the create's.
  await api(lab, 'GET', '/v1/networks')
  const began = performance.now()
  const made = (await api(lab, 'POST', '/v1/networks', {
    req: randomUUID(),
    name,
    driver: 'overlay',
    subnets: [{ subnet: `10.96.${round}.0/24` }],
    auxAddresses: {},
    options: {},
    labels: {},
    internal: true,
    ipv6: false,
    dryRun: false,
  })) as { revision: number }
  await applied(lab, made.revision)
  const took = performance.now() - began
  const { revision } = (await api(lab, 'DELETE', `/v1/networks/${name}?req=${randomUUID()}`)) as { revision: number }
  await applied(lab, revision)
  return took
}

async function applied(lab: Lab, revision: number): Promise<void> {
  const status = await api(lab, 'GET', `/v1/status?wait=true&revision=${revision}&timeoutMs=20000`)
  if ((status as { converged: boolean }).converged !== true) throw new Error(`not converged: ${JSON.stringify(status)}`)
}

/** Runs `floor.ts` where etcd and NATS are; it prints the median of its own 20 rounds, milliseconds. */
async function floor(lab: Lab): Promise<number> {
  const script = new URL('./floor.ts', import.meta.url).pathname
  const argv = [process.execPath, '--conditions=source', script, lab.layout.controller.data, String(lab.hosts.length)]
  const { code, stdout, stderr } = await execIn(lab, 'controller', argv)
  if (code !== 0) throw new Error(`floor: ${stderr || stdout}`)
  return Number(stdout.trim())
}

function api(lab: Lab, method: string, path: string, body?: unknown): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const call = request({ socketPath: lab.layout.controllerSocket, method, path }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part
      })
      response.on('end', () => {
        if ((response.statusCode ?? 500) >= 400) reject(new Error(`${method} ${path}: ${text}`))
        else resolve(JSON.parse(text))
      })
    })
    call.on('error', reject)
    if (body !== undefined) call.setHeader('content-type', 'application/json')
    call.end(body === undefined ? undefined : JSON.stringify(body))
  })
}
