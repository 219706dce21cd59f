// The example's page with a script, which loads nothing inline.
import assert from 'node:assert/strict'
import { scenario, startExample } from './harness.mjs'

export default async function run() {
  const example = await startExample()

  await scenario('script page: access token, nickname, and a clock that stops at sign-out', { origins: example.origins }, async (context) => {
    const page = await context.newPage()
    await page.goto(example.url + '/script')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.waitForURL('**/authorize?**')
    await page.click('text=Ada Lovelace')
    await page.waitForURL(example.url + '/script')
    await page.getByText('You are signed in as ada@example.com.').waitFor()
    assert.match(await page.textContent('#token'), /^\S{6}…$/)

    const other = await context.newPage()
    await other.goto(example.url + '/script')
    await other.locator('#clock', { hasText: /^\d\d:\d\d:\d\d$/ }).waitFor()
    const before = await other.textContent('#clock')
    await other.waitForFunction((was) => document.getElementById('clock').textContent !== was, before)

    await page.getByLabel('Call me').fill('Countess')
    await page.getByRole('button', { name: 'Save' }).click()
    await other.getByText('ada@example.com, called Countess.').waitFor()

    await page.getByRole('button', { name: 'Sign out' }).click()
    await other.getByText('You are not signed in.').waitFor()
    assert.equal(await other.textContent('#clock'), '')
    assert.equal(await other.locator('#private').isVisible(), false)
  })

  await scenario('script page: a smuggled script does not run', { origins: example.origins, expected: /Content Security Policy/ }, async (context) => {
    const page = await context.newPage()
    await page.goto(example.url + '/script')
    const refused = await page.evaluate(() => new Promise((resolve) => {
      addEventListener('securitypolicyviolation', (e) => resolve(e.effectiveDirective))
      const script = document.createElement('script')
      script.textContent = 'globalThis.smuggled = true'
      document.body.append(script)
      if (globalThis.smuggled) resolve('it ran')
    }))
    assert.equal(refused, 'script-src-elem')
    assert.equal(await page.evaluate(() => globalThis.smuggled), undefined)
  })

  await example.stop()
}
