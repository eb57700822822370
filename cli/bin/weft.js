#!/usr/bin/env node
const major = Number(process.versions.node.split('.')[0])
if (major < 24) {
  process.stderr.write(
    `weft: this is Node ${process.versions.node}, and Weft needs 24 or later\n` +
      '  next: in the checkout run it as: npx weft …  (it brings its own Node)\n',
  )
  process.exit(1)
}
await import('../dist/main.js')
