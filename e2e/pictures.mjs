// Takes a picture of every page into pictures/ or the folder SCREENSHOTS, and those that
// the README and the documentation show into docs/.
import { fileURLToPath } from 'node:url'
import { browser, closeBrowser, count, startExample, startGo } from './harness.mjs'

const here = (path) => fileURLToPath(new URL(path, import.meta.url))

process.env.SCREENSHOTS ??= here('pictures')
const { default: pages } = await import('./pages.mjs')
await pages()

// On the port of the README's own words, which the pictures show.
const example = await startExample({ GITHUB_ID: 'id', GITHUB_SECRET: 'secret', GOOGLE_ID: 'id', GOOGLE_SECRET: 'secret' }, 8080)
const app = await startGo('e2e/app', ['-issuer', 'http://127.0.0.1:9'], { ready: /http:\/\/localhost:\d+/ })
for (const colorScheme of ['light', 'dark']) {
  const page = await (await browser()).newPage({ colorScheme, viewport: { width: 560, height: 920 }, deviceScaleFactor: 2 })
  const keep = (name, options) => page.screenshot({ path: here(`../docs/${name}-${colorScheme}.png`), ...options })
  await page.goto(example.url + '/api/auth/signin')
  await keep('signin')
  await page.click('text=Sign in with Local ID')
  await page.click('text=Grace Hopper')
  await page.waitForURL(example.url + '/**')
  await page.goto(example.url + '/api/auth/account')
  await keep('account')
  await page.goto(app.match[0] + '/mail/api/auth/signin')
  await page.fill('input[type=email]', 'grace@example.com')
  await page.keyboard.press('Enter')
  await page.waitForURL('**/verify-request**')
  await page.goto(app.match[0] + '/letter')
  await page.setViewportSize({ width: 560, height: 480 })
  await keep('mail')
}
await closeBrowser()
await Promise.all([example.stop(), app.stop()])
process.exit(count.failed ? 1 : 0)
