/**
 * docker-compose.yml on a machine without a registry: how Compose reads it, and images for it out of Debian's programs and this
 * checkout, laid out as the published ones and packaging/controller/Dockerfile lay theirs out.
 */
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { ENGINE_COMPOSE, type EngineName, prepareEngine } from '../../cli/src/lab/index.ts'
import { run } from '../../cli/src/lab/run.ts'
import { copyModules } from '../../packaging/modules.ts'

export const ROOT = fileURLToPath(new URL('../..', import.meta.url))
export const COMPOSE_FILE = path.join(ROOT, 'docker-compose.yml')
const PROGRAM = '/usr/bin/docker-compose'
const DOCKERFILE = path.join(ROOT, 'packaging/controller/Dockerfile')

/** Why Compose cannot be had here; empty when it can. */
export const composeLacks = fs.existsSync(PROGRAM) ? '' : 'needs docker-compose: npm test installs it'

/** Compose as it comes with an engine: version 1 with Debian's own, version 2 with the newer ones. */
export async function composeProgram(engine: EngineName | undefined): Promise<string> {
  return engine === undefined ? PROGRAM : path.join(await prepareEngine(engine), ENGINE_COMPOSE)
}

const Service = z.looseObject({
  image: z.string(),
  restart: z.string().optional(),
  read_only: z.boolean().optional(),
  user: z.string().optional(),
  cap_drop: z.array(z.string()).optional(),
  security_opt: z.array(z.string()).optional(),
  environment: z.record(z.string(), z.string()).default({}),
  ports: z.array(z.unknown()).default([]),
  volumes: z.array(z.string()).default([]),
  secrets: z.array(z.looseObject({ source: z.string() })).default([]),
  networks: z.record(z.string(), z.unknown()).default({}),
  healthcheck: z.looseObject({ test: z.array(z.string()) }).optional(),
})
const ComposeConfig = z.looseObject({
  services: z.record(z.string(), Service),
  networks: z.record(z.string(), z.looseObject({ internal: z.boolean().optional() })),
  secrets: z.record(z.string(), z.looseObject({ file: z.string() })),
})
export type ComposeConfig = z.infer<typeof ComposeConfig>

/** What `docker-compose config` makes of the file. @throws with Compose's words when it does not hold */
export function readComposeFile(env: NodeJS.ProcessEnv = {}): ComposeConfig {
  const options = { env: { ...process.env, ...env }, encoding: 'utf8' } as const
  const yaml = execFileSync(PROGRAM, ['-f', COMPOSE_FILE, 'config'], options)
  // Compose 1 prints YAML only; Python's yaml is what it reads it with, and is there with it.
  const toJson = 'import json, sys, yaml; json.dump(yaml.safe_load(sys.stdin), sys.stdout)'
  return ComposeConfig.parse(
    JSON.parse(execFileSync('/usr/bin/python3', ['-c', toJson], { input: yaml, encoding: 'utf8' })),
  )
}

export interface ComposeImage {
  readonly service: string
  readonly name: string
  readonly tar: string
  /** Dockerfile instructions for `docker import --change`. */
  readonly changes: readonly string[]
}

/** The three images as tar files in a folder. */
export async function makeComposeImages(folder: string): Promise<ComposeImage[]> {
  const busybox = { 'bin/busybox': '/bin/busybox' }
  return await Promise.all([
    makeImage(folder, 'etcd', { 'usr/bin/etcd': '/usr/bin/etcd', 'usr/bin/etcdctl': '/usr/bin/etcdctl' }),
    makeImage(folder, 'nats', { 'usr/bin/nats-server': '/usr/sbin/nats-server', ...busybox }, (root) => {
      for (const applet of ['sh', 'cat', 'wget']) fs.symlinkSync('busybox', path.join(root, 'bin', applet))
    }),
    makeImage(folder, 'controller', { 'usr/lib/weft/node': process.execPath, ...busybox }, layOutController),
  ])
}

async function makeImage(
  folder: string,
  service: string,
  programs: Readonly<Record<string, string>>,
  more: (root: string) => void = () => undefined,
): Promise<ComposeImage> {
  const root = path.join(folder, service)
  for (const each of ['bin', 'etc', 'tmp', 'run', 'usr/bin']) fs.mkdirSync(path.join(root, each), { recursive: true })
  fs.writeFileSync(path.join(root, 'etc/nsswitch.conf'), 'hosts: files dns\n')
  const linked = Object.values(programs).filter((file) => !file.endsWith('busybox'))
  const report = await run(['ldd', ...linked])
  const libraries = [...report.matchAll(/(?:=> |^\s+)(\/\S+) \(0x/gm)].map(([, file = '']) => [file.slice(1), file])
  for (const [to = '', from = ''] of [...libraries, ...Object.entries(programs)]) {
    fs.mkdirSync(path.dirname(path.join(root, to)), { recursive: true })
    fs.copyFileSync(fs.realpathSync(from), path.join(root, to))
  }
  more(root)
  const tar = path.join(folder, `${service}.tar`)
  await run(['tar', '-C', root, '--owner=0', '--group=0', '-cf', tar, '.'])
  const changes = service === 'controller' ? dockerfileChanges() : ['ENV PATH=/usr/bin:/bin']
  return { service, name: `weft-local/${service}:debian`, tar, changes }
}

/** What the Dockerfile's last stage says of how the image runs. */
function dockerfileChanges(): string[] {
  const last =
    fs
      .readFileSync(DOCKERFILE, 'utf8')
      .split(/^FROM .*\n/m)
      .at(-1) ?? ''
  const lines = last.split('\n').filter((line) => /^(ENV|USER|EXPOSE|ENTRYPOINT) /.test(line))
  return ['ENV PATH=/usr/bin:/bin', ...lines]
}

/** As the Dockerfile: the programs without the agent's native parts, and the command line. */
function layOutController(root: string): void {
  const app = path.join(root, 'usr/lib/weft/app')
  copyModules(ROOT, app, 'linux-x64')
  // npm's --omit=optional.
  fs.rmSync(path.join(app, 'node_modules/@koromix'), { recursive: true })
  fs.mkdirSync(path.join(app, 'node_modules/@weft'), { recursive: true })
  for (const name of ['shared', 'controller', 'agent', 'cli']) {
    for (const file of fs.globSync('{package.json,bin/**/*.js,dist/**/*.js}', { cwd: path.join(ROOT, name) })) {
      fs.mkdirSync(path.dirname(path.join(app, name, file)), { recursive: true })
      fs.copyFileSync(path.join(ROOT, name, file), path.join(app, name, file))
    }
    fs.symlinkSync(`../../${name}`, path.join(app, 'node_modules/@weft', name))
  }
  fs.copyFileSync(path.join(ROOT, 'packaging/files/bin/weft'), path.join(root, 'usr/bin/weft'))
  fs.chmodSync(path.join(root, 'usr/bin/weft'), 0o755)
  fs.symlinkSync('busybox', path.join(root, 'bin/sh'))
}
