// Takes a picture of every page into pictures/ or the folder SCREENSHOTS, and
// the README's of the sign-in page into docs/.
import { fileURLToPath } from 'node:url'
import { browser, closeBrowser, count, startExample } from './harness.mjs'

const here = (path) => fileURLToPath(new URL(path, import.meta.url))

process.env.SCREENSHOTS ??= here('pictures')
const { default: pages } = await import('./pages.mjs')
await pages()

// On the port of the README's own words, which the picture shows.
const example = await startExample({ GITHUB_ID: 'id', GITHUB_SECRET: 'secret', GOOGLE_ID: 'id', GOOGLE_SECRET: 'secret' }, 8080)
for (const colorScheme of ['light', 'dark']) {
  const page = await (await browser()).newPage({ colorScheme, viewport: { width: 560, height: 920 }, deviceScaleFactor: 2 })
  await page.goto(example.url + '/api/auth/signin')
  await page.screenshot({ path: here(`../docs/signin-${colorScheme}.png`) })
}
await closeBrowser()
await example.stop()
process.exit(count.failed ? 1 : 0)
