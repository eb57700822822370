/** The whole intent of this host, asked for page by page: all of one revision, that of the first. */
import type { IntentPage } from '@weft/shared'
import type { Controller } from './controller.ts'

const ASK_MS = 5_000

/** @throws as a request does, and what `fence` throws */
export async function fetchSnapshot(
  controller: Controller,
  fence: () => { readonly epoch: number; readonly instance: string },
): Promise<IntentPage[]> {
  const pages: IntentPage[] = []
  let offset: number | null = 0
  while (offset !== null) {
    const revision: number | undefined = pages[0]?.position.revision
    const asked = { ...fence(), offset, ...(revision === undefined ? {} : { revision }) }
    const page: IntentPage = await controller.ask('resync', asked, ASK_MS)
    pages.push(page)
    offset = page.nextOffset
  }
  return pages
}
