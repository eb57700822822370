/**
 * The package's files for systems without dpkg: weft_VERSION_linux_ARCH.tar.gz, with a script that installs them and one
 * that removes them again. The same input gives the same bytes, as for the Debian package.
 */
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'

/** Debian's own: its ways are not those of other systems. */
const DEBIAN_ONLY = ['DEBIAN', 'usr/share/lintian', 'usr/share/doc/weft/changelog.gz']

/** @param stage the laid out package, which is altered. Gives back the tar's path. */
export function packTarball(
  stage: string,
  { name, date, outputFolder }: { readonly name: string; readonly date: Date; readonly outputFolder: string },
): string {
  for (const file of DEBIAN_ONLY) fs.rmSync(path.join(stage, file), { recursive: true, force: true })
  const script = (from: string, to: string) => {
    fs.copyFileSync(path.join(import.meta.dirname, from), path.join(stage, to))
    fs.chmodSync(path.join(stage, to), 0o755)
  }
  script('tarball/install', 'install')
  script('tarball/uninstall', 'usr/lib/weft/uninstall')
  script('debian/postrm', 'usr/lib/weft/postrm')
  const files = fs
    .globSync('usr/**/*', { cwd: stage })
    .filter((file) => !fs.lstatSync(path.join(stage, file)).isDirectory())
  const listed = files.filter((file) => !file.startsWith('usr/lib/weft/')).sort()
  fs.writeFileSync(path.join(stage, 'usr/lib/weft/files'), listed.map((file) => `${file}\n`).join(''), { mode: 0o644 })
  fs.mkdirSync(outputFolder, { recursive: true })
  const tar = path.join(outputFolder, `${name}.tar.gz`)
  const top = name.replace(/_linux_.*$/, '').replace('_', '-')
  const same = [
    '--sort=name',
    '--owner=0',
    '--group=0',
    '--numeric-owner',
    `--mtime=@${Math.floor(date.getTime() / 1000)}`,
  ]
  const argv = [
    '--create',
    '--file',
    tar,
    ...same,
    `--transform=s,^\\.,${top},SH`,
    '--use-compress-program=gzip -n -6',
    '.',
  ]
  execFileSync('tar', argv, { cwd: stage, stdio: ['ignore', 'ignore', 'inherit'] })
  return tar
}
