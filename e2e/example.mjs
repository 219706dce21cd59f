// The example as a newcomer uses it. With SCREENSHOTS=folder it keeps a picture
// of every page, light and dark, wide and at 360 px.
import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { press, scenario, startExample } from './harness.mjs'

const shots = process.env.SCREENSHOTS
if (shots) mkdirSync(shots, { recursive: true })

export default async function run() {
  const example = await startExample()

  await scenario('sign in, guarded page, second tab, sign out: by keyboard alone', {}, async (context) => {
    const page = await context.newPage()
    await page.goto(example.url)
    await press(page, 'Open the guarded page')
    await page.waitForURL('**/api/auth/signin?**')
    await press(page, 'Sign in with Local ID')
    await page.waitForURL('**/authorize?**')
    await press(page, 'Ada Lovelace')
    await page.waitForURL(example.url + '/account')
    assert.match(await page.textContent('main'), /ada@example\.com/)

    const second = await context.newPage()
    await second.goto(example.url)
    assert.match(await second.textContent('h1'), /Hello, Ada Lovelace/)

    await press(page, 'Sign out')
    await page.waitForURL(example.url + '/')
    assert.match(await page.textContent('main'), /not signed in/)
    await second.reload()
    assert.match(await second.textContent('main'), /not signed in/)

    await page.goBack()
    assert.match(page.url(), /\/api\/auth\/signin\?/)
    assert.doesNotMatch(await page.textContent('body'), /ada@example\.com/, 'the guarded page after sign-out')
  })

  await scenario('React, script and htmx pages: signed in and out, two tabs', { expected: /status of 401/ }, async (context) => {
    const react = await context.newPage()
    await react.goto(example.url + '/react')
    await react.getByRole('button', { name: 'Sign in' }).click()
    await react.waitForURL('**/authorize?**')
    await react.click('text=Ada Lovelace')
    await react.waitForURL(example.url + '/react')
    await react.getByText('ada@example.com').waitFor()
    await react.getByText('access token').waitFor()

    const script = await context.newPage()
    await script.goto(example.url + '/script')
    await script.getByText('You are signed in as ada@example.com.').waitFor()

    const htmx = await context.newPage()
    await htmx.goto(example.url + '/htmx')
    await htmx.getByRole('button', { name: 'Load it' }).click()
    await htmx.getByText(/Ada Lovelace, it is/).waitFor()

    // The module's tab signs out; next-auth's client follows.
    await script.getByRole('button', { name: 'Sign out' }).click()
    await script.getByText('You are not signed in.').waitFor()
    await react.getByText('You are not signed in.').waitFor()
    await htmx.getByRole('button', { name: 'Load it' }).click()
    await htmx.waitForURL('**/api/auth/signin?**')

    // The module signs in; next-auth's client follows again.
    await script.getByRole('button', { name: 'Sign in' }).click()
    await script.waitForURL('**/authorize?**')
    await script.click('text=Grace Hopper')
    await script.getByText('You are signed in as grace@example.com.').waitFor()
    await react.getByText('grace@example.com').waitFor()

    // The client signs out; the module follows, by its broadcast alone.
    await react.getByRole('button', { name: 'Sign out' }).click()
    await script.getByText('You are not signed in.').waitFor()
  })

  // Chromium reports a page that is a 403 in its console.
  await scenario('the person cancels at the provider', { expected: /status of 403/ }, async (context) => {
    const page = await context.newPage()
    await page.goto(example.url + '/api/auth/signin')
    await press(page, 'Sign in with Local ID')
    await page.waitForURL('**/authorize?**')
    const answered = page.waitForResponse((r) => r.url().includes('/api/auth/error'))
    await press(page, 'Cancel')
    assert.equal((await answered).status(), 403)
    assert.match(await page.textContent('main'), /denied/i)
    assert.match(page.url(), /error=AccessDenied/)
  })

  for (const scheme of ['light', 'dark']) {
    for (const width of [1000, 360]) {
      await scenario(`every page, ${scheme}, ${width} px wide`, { colorScheme: scheme, viewport: { width, height: 760 } }, async (context) => {
        const page = await context.newPage()
        let n = 0
        const look = async (name) => {
          const beyond = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
          assert.ok(beyond <= 0, `${name} is ${beyond} px too wide`)
          if (shots) await page.screenshot({ path: join(shots, `${scheme}-${width}-${n++}-${name}.png`) })
        }
        await page.goto(example.url)
        await look('home')
        await page.click('text=Open the guarded page')
        await page.waitForURL('**/api/auth/signin?**')
        await look('signin')
        await page.goto(example.url + '/api/auth/signin?error=OAuthCallback')
        await look('signin-error')
        await page.goto(example.url + '/api/auth/signin?callbackUrl=/account')
        await page.click('text=Sign in with Local ID')
        await page.waitForURL('**/authorize?**')
        await look('provider')
        await page.click('text=Grace Hopper')
        await page.waitForURL(example.url + '/account')
        await look('account')
        await page.goto(example.url)
        await look('home-signed-in')
        await page.goto(example.url + '/api/auth/signout')
        await look('signout')
        await page.goto(example.url + '/api/auth/error')
        await look('error')
        for (const name of ['react', 'script', 'htmx']) {
          await page.goto(`${example.url}/${name}`)
          await page.waitForLoadState('networkidle')
          await look(name)
        }
      })
    }
  }

  await example.stop()
}
