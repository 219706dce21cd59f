// The example as a newcomer uses it.
import assert from 'node:assert/strict'
import { press, scenario, startExample } from './harness.mjs'

export default async function run() {
  const example = await startExample()
  const { origins } = example

  await scenario('sign in, guarded page, second tab, sign out: by keyboard alone', { origins }, async (context) => {
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

  await scenario('remember me: the cookie stays, or ends with the browser', { origins }, async (context) => {
    const page = await context.newPage()
    for (const ticked of [false, true]) {
      await page.goto(example.url + '/api/auth/signin?callbackUrl=/account')
      await page.getByRole('textbox', { name: 'Name' }).fill('ada')
      await page.getByRole('textbox', { name: 'Password' }).fill('engine')
      await page.keyboard.press('Tab')
      if (ticked) await page.keyboard.press('Space')
      assert.equal(await page.getByLabel('Remember me').isChecked(), ticked)
      await page.keyboard.press('Enter')
      await page.waitForURL(example.url + '/account')
      const cookies = await context.cookies(example.url)
      const { expires } = cookies.find(({ name }) => name === 'next-auth.session-token')
      if (ticked) assert.ok(expires > Date.now() / 1000 + 29 * 24 * 3600, `it ends at ${expires}`)
      else assert.equal(expires, -1)
      await context.clearCookies()
    }
  })

  await scenario('React, script and htmx pages: signed in and out, two tabs', { origins, expected: /status of 401/ }, async (context) => {
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

  await scenario('by mail: the link is opened, and its button pressed, once', { origins, expected: /status of 403/ }, async (context) => {
    const page = await context.newPage()
    await page.goto(example.url + '/api/auth/signin?callbackUrl=/account')
    await page.getByLabel('Email address').fill('Grace@Example.com')
    await page.keyboard.press('Enter')
    await page.waitForURL('**/api/auth/verify-request?**')
    assert.match(await page.textContent('h1'), /Check your email/)
    const link = example.log().match(/http\S+callback\/email\S+/g).at(-1)
    await page.goto(link)
    assert.match(await page.textContent('main'), /sign in as grace@example\.com/)
    assert.match(await (await context.request.get(example.url + '/api/auth/session')).text(), /^\{\}$/, 'signed in by looking')
    await press(page, 'Sign in')
    await page.waitForURL(example.url + '/account')
    assert.match(await page.textContent('main'), /grace@example\.com/)
    await press(page, 'Sign out')
    await page.waitForURL(example.url + '/')
    await page.goto(link)
    await press(page, 'Sign in')
    await page.waitForURL('**/api/auth/error?error=Verification')
    assert.match(await page.textContent('main'), /no longer works/)
  })

  await scenario('by name and password', { origins }, async (context) => {
    const page = await context.newPage()
    await page.goto(example.url + '/api/auth/signin?callbackUrl=/account')
    await page.getByLabel('Name', { exact: true }).fill('ada')
    await page.getByLabel('Password', { exact: true }).fill('engine')
    await page.keyboard.press('Enter')
    await page.waitForURL(example.url + '/account')
    assert.match(await page.textContent('main'), /ada@example\.com/)
  })

  // Chromium reports a page that is a 403 in its console.
  await scenario('the person cancels at the provider', { origins, expected: /status of 403/ }, async (context) => {
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

  await example.stop()
}
