// The program in plain/, and what the suites that use it do to its pages.
import { startGo } from './harness.mjs'

export async function startSite(...args) {
  const program = await startGo('e2e/plain', args, { ready: /(http:\S+) signs in at (http:\S+)/ })
  const [, url, issuer] = program.match
  return { ...program, url, origins: [url, url.replace('http', 'ws'), new URL(issuer).origin] }
}

// open shows the page whose script leaves ginauth.js as a global.
export async function open(context, site, path = '/script') {
  const page = await context.newPage()
  await page.goto(site.url + path)
  await page.waitForFunction(() => globalThis.ginauth)
  return page
}

export const right = { username: 'ada', password: 'difference engine', redirect: false }

export const enter = (page, fields = right) => page.evaluate((f) => ginauth.signIn('credentials', f), fields)

export const leave = (page) => page.evaluate(() => ginauth.signOut({ redirect: false }))

// sees waits until a page says who is signed in.
export const sees = (page, name) => page.locator('#who', { hasText: new RegExp(`^${name}\\s*$`) }).waitFor()
