/** `npm run reference [FOLDER]`: writes the reference's pages, into docs/reference by default. */
import fs from 'node:fs'
import path from 'node:path'
import { referencePages } from './pages.ts'

const folder = process.argv[2] ?? path.join(import.meta.dirname, '../../../docs/reference')
fs.mkdirSync(folder, { recursive: true })
for (const [name, text] of Object.entries(referencePages())) fs.writeFileSync(path.join(folder, name), text)
process.stdout.write(`${path.relative(process.cwd(), folder)}: ${Object.keys(referencePages()).join(', ')}\n`)
