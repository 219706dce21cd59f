// Every page in every state, light and dark, at 1280, 640 (which is 1280 at 200 %) and
// 360 px, from right to left too, and in forced colours: axe finds nothing to say,
// nothing is wider than the window, and no page is heavier than 30 KB or asks another
// server for anything. With SCREENSHOTS=folder it keeps a picture of each.
import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import axe from 'axe-core'
import { press, scenario, startExample, startGo } from './harness.mjs'

const shots = process.env.SCREENSHOTS
if (shots) mkdirSync(shots, { recursive: true })

const widths = [1280, 640, 360]

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
    await scenario(`pages: what people come to, ${colorScheme}`, {
      origins: [app.match[0]], expected: /status of (403|409)/, colorScheme, viewport,
    }, (context) => states(context, app.match[0], colorScheme))
    await scenario(`pages: the built-in ones, ${colorScheme}`, {
      origins: [app.match[0]], expected: /status of (403|500)/, colorScheme, viewport,
    }, (context) => builtIn(context, app.match[0], colorScheme))
    await scenario(`pages: the example's, ${colorScheme}`, {
      origins: example.origins, colorScheme, viewport,
    }, (context) => examples(context, example.url, colorScheme))
  }
  await scenario('pages: in forced colours', {
    origins: [app.match[0]], expected: /status of (403|409)/, forcedColors: 'active', viewport: { width: widths[0], height: 760 },
  }, (context) => states(context, app.match[0], 'forced'))
  await Promise.all([app.stop(), example.stop()])
}

// states are what the pages show after something happened in this browser.
async function states(context, site, scheme) {
  const page = await context.newPage()
  page.on('response', async (answer) => {
    if (!/\/api\/auth\/(signin|signout|error|verify-request|account|callback)/.test(answer.url()) || answer.status() >= 300 && answer.status() < 400) return
    const size = (await answer.body().catch(() => '')).length // gone where the page has left meanwhile
    assert.ok(size <= 30_000, `${answer.url()} has ${size} bytes`)
  })
  const form = async (path, fields, then) => {
    await page.goto(site + path)
    for (const [name, value] of Object.entries(fields)) await page.fill(`input[name=${name}]`, value)
    await page.keyboard.press('Enter')
    await page.waitForURL(then)
  }
  for (const name of ['long', 'arabic', 'styled']) {
    await page.goto(`${site}/${name}/api/auth/signin`)
    await look(page, scheme, `signin-of-${name}`)
  }
  await page.goto(`${site}/many/api/auth/signin`)
  await page.click('summary')
  await look(page, scheme, 'signin-of-many-unfolded')

  // What was typed stays, and the password's field has the focus and the message.
  await form('/api/auth/signin', { name: 'ada', password: 'wrong' }, '**/signin?error=CredentialsSignin')
  assert.equal(await page.inputValue('input[name=name]'), 'ada')
  assert.equal(await page.evaluate(() => document.activeElement.name), 'password')
  const field = page.getByLabel('Password')
  assert.equal(await field.getAttribute('aria-invalid'), 'true')
  assert.match(await page.locator(`#${await field.getAttribute('aria-describedby')}`).innerText(), /do not match/)
  await look(page, scheme, 'signin-typed-wrong')
  await form('/mail/api/auth/signin', { email: 'unknown@example.com' }, '**/signin?error=EmailSignin')
  assert.equal(await page.inputValue('input[name=email]'), 'unknown@example.com')
  await look(page, scheme, 'signin-mail-unsent')

  for (const name of ['mail', 'code', 'arabic']) {
    await form(`/${name}/api/auth/signin`, { email: 'grace.brewster.murray.hopper@naval-research.example.com' }, '**/verify-request**')
    await page.getByText('grace.brewster.murray.hopper@naval-research.example.com').waitFor()
    await look(page, scheme, `sent-of-${name}`)
    await page.goto(`${site}/letter`)
    await look(page, scheme, `letter-of-${name}`, letterRules)
  }
  await page.goto(`${site}/mail/api/auth/verify-request?provider=email&type=email`)
  await page.getByText('Send it again').click()
  await page.getByText('It was sent again.').waitFor()
  await look(page, scheme, 'sent-again')
  await page.goto(`${site}/code/api/auth/verify-request?provider=email&type=email`)
  await page.fill('#code', ' 00\u00a00 0-00 ')
  await page.keyboard.press('Enter')
  await page.getByText('That is not the code').waitFor()
  await look(page, scheme, 'sent-code-wrong')

  await form('/api/auth/signin?callbackUrl=/refused', { name: 'ada', password: 'engine' }, site + '/refused')
  await look(page, scheme, 'refused-signed-in')
  await press(page, 'Switch account')
  await page.getByText('ada@example.com').waitFor()
  await look(page, scheme, 'signout-signed-in')
  await page.goto(`${site}/api/auth/signin`)
  await page.getByText('Last used').waitFor()
  await look(page, scheme, 'signin-last-used')

  await form('/person/api/auth/signin?callbackUrl=/person/menu', { name: 'ada', password: 'engine' }, site + '/person/menu')
  await page.goto(`${site}/person/api/auth/account`)
  await look(page, scheme, 'account')
  await page.check('#sure')
  await page.getByRole('button', { name: 'Delete account' }).click()
  await page.getByText('Cancel your subscription first.').waitFor()
  await look(page, scheme, 'account-refused')
}

// letterRules are those for a page, which a mail is not.
const letterRules = { region: { enabled: false }, 'landmark-one-main': { enabled: false } }

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
export async function look(page, scheme, name, rules = {}) {
  for (const width of widths) {
    await page.setViewportSize({ width, height: 760 })
    const where = `${name}, ${scheme}, ${width} px`
    const beyond = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
    assert.ok(beyond <= 0, `${where}: ${beyond} px too wide`)
    // What changes with the width does not change with the colours.
    if (width === widths[0] || scheme === 'light' && width === 360) assert.deepEqual(await inaccessible(page, rules), [], where)
    if (shots) await page.screenshot({ path: join(shots, `${name}-${scheme}-${width}.png`), fullPage: true })
  }
}

// inaccessible is what axe finds, by all its rules.
async function inaccessible(page, rules) {
  await page.evaluate(axe.source)
  const { violations } = await page.evaluate((rules) => axe.run({ resultTypes: ['violations'], rules }), rules)
  return violations.flatMap(({ id, nodes }) => nodes.map((n) => `${id}: ${n.html}\n${n.failureSummary}`))
}
