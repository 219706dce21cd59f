// Passkeys with Chromium's virtual authenticator: the pages, the client module, and who
// may not.
import assert from 'node:assert/strict'
import axe from 'axe-core'
import { press, scenario, startGo } from './harness.mjs'

const BUTTON = 'Sign in with a passkey'

export default async function run() {
  const site = await startGo('e2e/passkeys', [], { ready: /(http:\/\/localhost:\d+) is ready/ })
  const strict = await startGo('e2e/passkeys', ['-strict'], { ready: /(http:\/\/localhost:\d+) is ready/ })
  const url = site.match[1]
  const origins = [url]

  await scenario('passkeys: add one by keyboard, sign out, sign in by button, rename, remove', { origins }, async (context) => {
    const page = await context.newPage()
    const device = await authenticator(context, page)
    await password(page, url, 'ada')
    await page.goto(url + '/api/auth/passkeys')
    await accessible(page)
    await page.getByLabel('Name').fill('Laptop')
    await press(page, 'Add a passkey')
    await page.locator('.items input[name=name]').waitFor()
    assert.equal(await page.locator('.items input[name=name]').inputValue(), 'Laptop')
    assert.match(await page.locator('.note').textContent(), /^Added on \d{4}-\d\d-\d\d$/)
    await accessible(page)

    await signOut(page, url)
    await signInPage(page, url, device)
    await accessible(page)
    await page.getByRole('button', { name: BUTTON }).click()
    await page.waitForURL(url + '/')
    assert.equal(await who(page), 'ada by passkey')

    await page.goto(url + '/api/auth/passkeys')
    assert.match(await page.locator('.note').textContent(), /Last used on/)
    await page.locator('.items input[name=name]').fill('Old laptop')
    await page.getByRole('button', { name: /^Rename/ }).click()
    await page.waitForFunction(() => document.querySelector('.items input[name=name]')?.value === 'Old laptop')
    await page.getByRole('button', { name: /^Remove/ }).click()
    await page.getByText('You have no passkeys yet.').waitFor()
    await signOut(page, url)
    await signInPage(page, url, device)
    await page.getByRole('button', { name: BUTTON }).click()
    await page.waitForURL(/error=PasskeySignin/)
    await page.getByText('This passkey did not sign you in.').waitFor()
  })

  await scenario('passkeys: sign in by autofill', { origins }, async (context) => {
    const page = await context.newPage()
    const device = await authenticator(context, page)
    await added(page, url, 'ada')
    await signOut(page, url)
    await signInPage(page, url, device)
    assert.equal(await page.getByLabel('username').getAttribute('autocomplete'), 'username webauthn')
    await page.goto(url + '/api/auth/signin?callbackUrl=/') // where the virtual device picks the one that is offered
    await page.waitForURL(url + '/')
    assert.equal(await who(page), 'ada by passkey')
  })

  await scenario('passkeys: a fresh proof behind RequireFactor', { origins }, async (context) => {
    const page = await context.newPage()
    const device = await authenticator(context, page)
    await added(page, url, 'bob')
    await signOut(page, url)
    await password(page, url, 'bob', device)
    await page.goto(url + '/vault')
    await page.waitForURL(/\/api\/auth\/factor\?methods=passkey/)
    await accessible(page)
    await page.getByRole('button', { name: 'Confirm with a passkey' }).click()
    await page.waitForURL(url + '/vault')
    assert.equal(await page.textContent('body'), 'the vault')
    await page.goto(url)
    assert.equal(await who(page), 'bob by password by passkey')
  })

  await scenario('passkeys: two people in one browser', { origins }, async (context) => {
    const page = await context.newPage()
    const device = await authenticator(context, page)
    await added(page, url, 'ada')
    const [adas] = await device.credentials()
    await added(page, url, 'bob', device)
    const keys = await device.credentials() // in no order that the device promises
    assert.equal(keys.length, 2)
    const bobs = keys.find((key) => key.credentialId !== adas.credentialId)
    assert.notEqual(adas.userHandle, bobs.userHandle)
    for (const [name, hidden] of [['ada', bobs], ['bob', adas]]) {
      await signOut(page, url)
      await device.without(hidden.credentialId) // the person picks the other one
      await signInPage(page, url, device)
      await page.getByRole('button', { name: BUTTON }).click()
      await page.waitForURL(url + '/')
      assert.equal(await who(page), `${name} by passkey`)
      await device.with(hidden)
    }
  })

  await scenario('passkeys: no user verification, no sign-in; no discoverable credential, no passkey', { origins }, async (context) => {
    const page = await context.newPage()
    const device = await authenticator(context, page)
    await added(page, url, 'ada')
    await signOut(page, url)
    await device.verified(false)
    await page.goto(url + '/api/auth/signin?callbackUrl=/')
    await page.getByRole('button', { name: BUTTON }).click()
    await page.getByText('Your device gave no passkey.').waitFor()
    await page.goto(url)
    assert.equal(await who(page), 'nobody')
    await device.remove()

    await authenticator(context, page, { hasResidentKey: false, transport: 'usb' })
    await password(page, url, 'ada')
    await page.goto(url + '/api/auth/passkeys')
    await page.getByRole('button', { name: 'Add a passkey' }).click()
    await page.getByText('Your device gave no passkey.').waitFor()
  })

  await scenario('passkeys: a device registers once', { origins }, async (context) => {
    const page = await context.newPage()
    await authenticator(context, page)
    await added(page, url, 'bob')
    await page.getByRole('button', { name: 'Add a passkey' }).click()
    await page.getByText('Your device gave no passkey.').waitFor()
  })

  await scenario('passkeys: the client module', { origins, expected: /status of 401/ }, async (context) => {
    const page = await context.newPage()
    await authenticator(context, page)
    await page.goto(url)
    await page.waitForFunction(() => window.ginauth)
    assert.deepEqual(await page.evaluate(async () => {
      const { ok, error } = await window.ginauth.registerPasskey()
      return { ok, error }
    }), { ok: false, error: 'SessionRequired' })
    await password(page, url, 'ada')
    await page.waitForFunction(() => window.ginauth)
    const made = await page.evaluate(() => window.ginauth.registerPasskey({ name: 'By script' }))
    assert.deepEqual([made.ok, made.error], [true, null])
    await signOut(page, url)
    await page.waitForFunction(() => window.ginauth)
    const done = await page.evaluate(() => window.ginauth.signIn('passkey', { redirect: false, callbackUrl: '/' }))
    assert.deepEqual([done.ok, done.error], [true, null])
    await page.goto(url)
    assert.equal(await who(page), 'ada by passkey')
  })

  await scenario('passkeys: under a policy of the site that lets no script run', { origins: [strict.match[1]] }, async (context) => {
    const page = await context.newPage()
    await authenticator(context, page)
    const at = strict.match[1]
    await page.goto(at + '/api/auth/signin?callbackUrl=/api/auth/passkeys')
    await page.getByLabel('username').fill('ada')
    await page.getByLabel('password').fill('difference engine')
    await page.keyboard.press('Enter')
    await page.waitForURL(at + '/api/auth/passkeys')
    await page.getByRole('button', { name: 'Add a passkey' }).click()
    await page.locator('.items input[name=name]').waitFor()
  })

  await scenario('passkeys: the pages without script', { origins, javaScriptEnabled: false }, async (context) => {
    const page = await context.newPage()
    await password(page, url, 'bob')
    await page.goto(url + '/api/auth/signin')
    assert.equal(await page.getByRole('button', { name: BUTTON }).count(), 0)
    await page.goto(url + '/api/auth/passkeys')
    await page.getByText('A passkey signs you in').waitFor()
  })

  await Promise.all([site.stop(), strict.stop()])
}

// authenticator is one in the browser of a page, with what a test does to it.
export async function authenticator(context, page, options = {}) {
  const cdp = await context.newCDPSession(page)
  await cdp.send('WebAuthn.enable', { enableUI: false })
  const { authenticatorId } = await cdp.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2', ctap2Version: 'ctap2_1', transport: 'internal', hasResidentKey: true,
      hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true, ...options,
    },
  })
  return {
    presence: (enabled) => cdp.send('WebAuthn.setAutomaticPresenceSimulation', { authenticatorId, enabled }),
    verified: (isUserVerified) => cdp.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified }),
    credentials: async () => (await cdp.send('WebAuthn.getCredentials', { authenticatorId })).credentials,
    without: (credentialId) => cdp.send('WebAuthn.removeCredential', { authenticatorId, credentialId }),
    with: (credential) => cdp.send('WebAuthn.addCredential', { authenticatorId, credential }),
    remove: () => cdp.send('WebAuthn.removeVirtualAuthenticator', { authenticatorId }),
  }
}

// signInPage opens the sign-in page. A virtual device that is present takes up the offer by
// autofill at once, as no person does.
async function signInPage(page, url, device) {
  await device?.presence(false)
  await page.goto(url + '/api/auth/signin?callbackUrl=/')
  await page.waitForLoadState('networkidle')
  await device?.presence(true)
}

async function password(page, url, name, device) {
  await signInPage(page, url, device)
  await page.getByLabel('username').fill(name)
  await page.getByLabel('password').fill('difference engine')
  await page.keyboard.press('Enter')
  await page.waitForURL(url + '/')
  assert.equal(await who(page), `${name} by password`)
}

// added signs a person in by password and adds a passkey.
async function added(page, url, name, device) {
  await page.context().clearCookies()
  await password(page, url, name, device)
  await page.goto(url + '/api/auth/passkeys')
  const before = await page.locator('.items li').count()
  await page.getByRole('button', { name: 'Add a passkey' }).click()
  await page.locator('.items li').nth(before).waitFor()
}

async function signOut(page, url) {
  await page.goto(url + '/api/auth/signout?callbackUrl=/')
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.waitForURL(url + '/')
  assert.equal(await who(page), 'nobody')
}

const who = (page) => page.textContent('#who')

// accessible holds a page to axe, at 360 px too.
async function accessible(page) {
  const { width, height } = page.viewportSize()
  for (const size of [width, 360]) {
    await page.setViewportSize({ width: size, height })
    const wide = await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth)
    assert.equal(wide, false, `${page.url()} is wider than ${size} px`)
    await page.evaluate(axe.source)
    const { violations } = await page.evaluate(() => axe.run({ resultTypes: ['violations'] }))
    assert.deepEqual(violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join(' ')}`), [], page.url())
  }
  await page.setViewportSize({ width, height })
}
