// Takes the README's pictures of the sign-in page.
import { mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { browser, closeBrowser, startExample } from './harness.mjs'

const docs = fileURLToPath(new URL('../docs/', import.meta.url))
mkdirSync(docs, { recursive: true })

const example = await startExample({ GITHUB_ID: 'id', GITHUB_SECRET: 'secret', GOOGLE_ID: 'id', GOOGLE_SECRET: 'secret' })
for (const colorScheme of ['light', 'dark']) {
  const page = await (await browser()).newPage({ colorScheme, viewport: { width: 560, height: 480 }, deviceScaleFactor: 2 })
  await page.goto(example.url + '/api/auth/signin')
  await page.screenshot({ path: `${docs}signin-${colorScheme}.png` })
}
await closeBrowser()
await example.stop()
