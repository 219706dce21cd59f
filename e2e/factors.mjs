// Second factors: enrolment, sign-in, a recovery code and removal, as people do it in a
// browser, and the look of each page.
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { press, scenario, startGo } from './harness.mjs'
import { look } from './pages.mjs'

// code is what an authenticator app shows (RFC 6238), for a key as the page has it.
export function code(key, at) {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
  const bits = [...key.replaceAll(' ', '')].map((c) => letters.indexOf(c).toString(2).padStart(5, '0')).join('')
  const secret = Buffer.from(bits.match(/.{8}/g).map((b) => parseInt(b, 2)))
  const counter = Buffer.alloc(8)
  counter.writeBigUInt64BE(BigInt(Math.floor(at / 30_000)))
  const sum = createHmac('sha1', secret).update(counter).digest()
  return String((sum.readUInt32BE(sum.at(-1) & 15) & 0x7fffffff) % 1e6).padStart(6, '0')
}

export default async function run() {
  const app = await startGo('e2e/app', ['-issuer', 'http://127.0.0.1:9'], { ready: /http:\/\/localhost:\d+/ })
  const site = app.match[0]
  const auth = site + '/factors/api/auth'
  let ahead = 0 // seconds, of the application's clock
  const later = async (page) => {
    ahead += 30
    const answer = await page.request.post(`${site}/clock?ahead=${ahead}s`)
    assert.ok(answer.ok())
  }
  const now = () => Date.now() + ahead * 1000
  const signIn = async (page, name, password) => {
    await page.goto(auth + '/signin?callbackUrl=/factors/me')
    await page.getByLabel('Name').fill(name)
    await page.getByLabel('Password').fill(password)
    await page.keyboard.press('Enter')
  }
  const type = async (page, label, text) => {
    await page.getByLabel(label, { exact: true }).fill(text)
    await page.keyboard.press('Enter')
  }
  const scan = async (page) => {
    await page.getByRole('img', { name: 'QR code of the key' }).waitFor()
    return (await page.textContent('code.key')).trim()
  }

  let key, codes
  for (const colorScheme of ['light', 'dark']) {
    const options = { origins: [site], colorScheme, viewport: { width: 1000, height: 760 } }

    await scenario(`second factors: set up, by keyboard, ${colorScheme}`, { ...options, expected: /status of 401/ }, async (context) => {
      const page = await context.newPage()
      await signIn(page, 'ada', 'engine')
      await page.waitForURL(site + '/factors/me')
      await page.goto(auth + '/second-factor/list')
      await look(page, colorScheme, 'factors-none')
      await press(page, 'Set up an authenticator app')
      key = await scan(page)
      await look(page, colorScheme, 'factors-add')
      await type(page, 'Code', '000000')
      await page.getByText('That is not the code.').waitFor()
      assert.equal(await scan(page), key, 'another key after a wrong code')
      await look(page, colorScheme, 'factors-add-wrong')
      await type(page, 'Code', code(key, now()))
      await page.getByText('Your recovery codes').first().waitFor()
      codes = await page.locator('ul.codes code').allTextContents()
      assert.equal(codes.length, 10)
      await look(page, colorScheme, 'factors-codes')
      await press(page, 'Continue')
      await page.waitForURL(site + '/factors/me')
      await page.goto(auth + '/second-factor/list')
      await page.getByText('Recovery codes left: 10').waitFor()
      await look(page, colorScheme, 'factors-list')
    })

    await scenario(`second factors: sign in, by keyboard, ${colorScheme}`, options, async (context) => {
      const page = await context.newPage()
      await later(page)
      await signIn(page, 'ada', 'engine')
      await page.waitForURL('**/second-factor/code')
      assert.equal(await (await page.request.get(auth + '/session')).text(), '{}')
      await look(page, colorScheme, 'factors-code')
      await type(page, 'Code', '000000')
      await page.getByText('That is not the code.').waitFor()
      await look(page, colorScheme, 'factors-code-wrong')
      await page.getByLabel('Code', { exact: true }).fill(code(key, now()))
      await page.keyboard.press('Tab')
      await page.keyboard.press('Space')
      assert.ok(await page.getByLabel('Do not ask in this browser for 30 days').isChecked())
      await press(page, 'Confirm')
      await page.waitForURL(site + '/factors/me')
      await press(page, 'Sign out')
      await page.waitForURL(auth + '/signin?**') // of the page that is guarded
      await signIn(page, 'ada', 'engine')
      await page.waitForURL(site + '/factors/me') // the browser is trusted
    })

    await scenario(`second factors: a recovery code, and removal, ${colorScheme}`, options, async (context) => {
      const page = await context.newPage()
      await signIn(page, 'ada', 'engine')
      await page.waitForURL('**/second-factor/code')
      await press(page, 'Use a recovery code')
      await look(page, colorScheme, 'factors-recovery')
      await type(page, 'Recovery code', 'none of them')
      await page.getByText('That is none of your recovery codes').waitFor()
      await look(page, colorScheme, 'factors-recovery-wrong')
      await type(page, 'Recovery code', codes[0].toUpperCase())
      await page.waitForURL(site + '/factors/me')
      await page.goto(auth + '/second-factor/list')
      await page.getByText('Recovery codes left: 9').waitFor()
      await press(page, 'Turn two-step sign-in off')
      await page.getByText('You sign in without a second step.').waitFor()
      await press(page, 'Set up an authenticator app')
      await scan(page)
    })

    await scenario(`second factors: one that must be set up, ${colorScheme}`, options, async (context) => {
      const page = await context.newPage()
      await signIn(page, 'grace', 'compiler')
      await page.waitForURL('**/second-factor/code')
      if (colorScheme === 'dark') return // she has one by now
      const hers = await scan(page)
      await look(page, colorScheme, 'factors-enrol')
      await type(page, 'Code', code(hers, now()))
      await page.getByText('Your recovery codes').first().waitFor()
      await press(page, 'Continue')
      await page.waitForURL(site + '/factors/me')
    })
  }
  await app.stop()
}
