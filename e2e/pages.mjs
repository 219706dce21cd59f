// Every page, light and dark, wide and at 360 px: axe finds nothing to say, and
// nothing is wider than the window. With SCREENSHOTS=folder it keeps a picture of
// each.
import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import axe from 'axe-core'
import { scenario, startExample, startGo } from './harness.mjs'

const shots = process.env.SCREENSHOTS
if (shots) mkdirSync(shots, { recursive: true })

const widths = [1000, 360]

// The codes that the sign-in page explains, and one that it does not know.
const codes = ['Signin', 'OAuthSignin', 'OAuthCallback', 'OAuthCreateAccount', 'EmailCreateAccount', 'Callback',
  'OAuthAccountNotLinked', 'EmailSignin', 'CredentialsSignin', 'SessionRequired', 'Unknown']

export default async function run() {
  const [app, example] = await Promise.all([
    startGo('e2e/app', ['-issuer', 'http://127.0.0.1:9'], { ready: /http:\/\/localhost:\d+/ }),
    startExample({ GITHUB_ID: 'id', GITHUB_SECRET: 'secret', GOOGLE_ID: 'id', GOOGLE_SECRET: 'secret' }),
  ])
  for (const colorScheme of ['light', 'dark']) {
    const viewport = { width: widths[0], height: 760 }
    // Chromium reports pages whose status is an error.
    await scenario(`pages: the built-in ones, ${colorScheme}`, {
      origins: [app.match[0]], expected: /status of (403|500)/, colorScheme, viewport,
    }, (context) => builtIn(context, app.match[0], colorScheme))
    await scenario(`pages: the example's, ${colorScheme}`, {
      origins: example.origins, colorScheme, viewport,
    }, (context) => examples(context, example.url, colorScheme))
  }
  await Promise.all([app.stop(), example.stop()])
}

async function builtIn(context, site, scheme) {
  const page = await context.newPage()
  const show = async (name, path) => {
    await page.goto(site + path)
    await look(page, scheme, name)
  }
  await show('signin', '/api/auth/signin')
  for (const code of codes) await show(`signin-${code}`, `/api/auth/signin?error=${code}`)
  for (const name of ['many', 'form', 'brand', 'mail']) await show(`signin-of-${name}`, `/${name}/api/auth/signin`)
  await show('signout', '/api/auth/signout')
  await show('signout-of-brand', '/brand/api/auth/signout')
  await show('verify-request', '/api/auth/verify-request')
  await show('confirm', '/mail/api/auth/callback/email?token=t&email=grace.brewster.murray.hopper%40naval-research.example.com')
  await show('code', '/code/api/auth/verify-request?provider=email&type=email')
  await show('code-wrong', '/code/api/auth/verify-request?provider=email&type=email&error=VerificationCode')
  await show('error', '/api/auth/error')
  for (const code of ['Configuration', 'AccessDenied', 'Verification', 'VerificationCode']) await show(`error-${code}`, `/api/auth/error?error=${code}`)
  await show('error-of-brand', '/brand/api/auth/error')

  await page.goto(site + '/api/auth/signin?callbackUrl=/refused')
  await page.getByLabel('Name').fill('ada')
  await page.getByLabel('Password').fill('engine')
  await page.keyboard.press('Enter')
  await page.waitForURL(site + '/refused')
  await look(page, scheme, 'refused')
}

async function examples(context, site, scheme) {
  const page = await context.newPage()
  const show = async (name, path, ready) => {
    await page.goto(site + path)
    await page.getByText(ready).first().waitFor()
    await look(page, scheme, `example-${name}`)
  }
  await show('home', '/', 'You are not signed in.')
  await show('react', '/react', 'You are not signed in.')
  await show('script', '/script', 'You are not signed in.')
  await show('htmx', '/htmx', 'Nothing is loaded yet.')
  await show('signin', '/api/auth/signin?callbackUrl=/account', 'Sign in with GitHub')
  await page.getByText('Remember me').click() // the words tick the box
  assert.ok(await page.getByRole('checkbox', { name: 'Remember me' }).isChecked())
  await look(page, scheme, 'example-signin-remembered')
  const { width, height } = await page.locator('label.check').boundingBox()
  assert.ok(Math.min(width, height) >= 24, `the words and the box are ${width} by ${height} px (WCAG 2.2 §2.5.8)`)
  await page.click('text=Sign in with Local ID')
  await page.waitForURL('**/authorize?**')
  await look(page, scheme, 'example-provider')
  await page.click('text=Grace Hopper')
  await page.waitForURL(site + '/account')
  await show('account', '/account', 'grace@example.com')
  await show('home-signed-in', '/', 'Hello, Grace Hopper')
  await show('react-signed-in', '/react', 'grace@example.com')
  await show('script-signed-in', '/script', 'grace@example.com')
  await show('htmx-signed-in', '/htmx', 'Nothing is loaded yet.')
  await page.click('text=Load it')
  await page.getByText(/Grace Hopper, it is/).waitFor()
  await look(page, scheme, 'example-htmx-loaded')
}

// look examines the page as it stands, at every width.
export async function look(page, scheme, name) {
  for (const width of widths) {
    await page.setViewportSize({ width, height: 760 })
    const where = `${name}, ${scheme}, ${width} px`
    const beyond = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
    assert.ok(beyond <= 0, `${where}: ${beyond} px too wide`)
    // What changes with the width does not change with the colours.
    if (width === widths[0] || scheme === 'light') assert.deepEqual(await inaccessible(page), [], where)
    if (shots) await page.screenshot({ path: join(shots, `${name}-${scheme}-${width}.png`), fullPage: true })
  }
}

// inaccessible is what axe finds, by all its rules.
async function inaccessible(page) {
  await page.evaluate(axe.source)
  const { violations } = await page.evaluate(() => axe.run({ resultTypes: ['violations'] }))
  return violations.flatMap(({ id, nodes }) => nodes.map((n) => `${id}: ${n.html}\n${n.failureSummary}`))
}
