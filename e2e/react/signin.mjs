// Signing in and out with the client.
import assert from 'node:assert/strict'
import { scenario } from '../harness.mjs'
import { cookie, enter, open, shows, type } from './page.mjs'

export async function scenarios({ name, site, issuer, origins, cookies }) {
  await scenario(`${name}: to the provider and back, with PKCE, state and nonce`, { origins }, async (context) => {
    const page = await open(context, site)
    assert.deepEqual(await page.evaluate(() => auth.states), ['loading', 'unauthenticated'])

    const asked = page.waitForRequest((r) => r.url().startsWith(issuer + '/auth?'))
    await page.getByRole('button', { name: 'Sign in' }).click()
    const query = new URL((await asked).url()).searchParams
    assert.equal(query.get('response_type'), 'code')
    assert.equal(query.get('code_challenge_method'), 'S256')
    assert.match(query.get('code_challenge'), /^[\w-]{43}$/)
    assert.ok(query.get('state').length >= 32, 'state')
    assert.ok(query.get('nonce').length >= 32, 'nonce')
    assert.equal(query.get('redirect_uri'), site + '/api/auth/callback/work')

    await page.getByRole('button', { name: 'Grace Hopper' }).click()
    await page.waitForURL(site + '/')
    await shows(page, 'authenticated', 'grace@example.com')
    assert.deepEqual(await page.evaluate(() => auth.states), ['loading', 'authenticated'])
    assert.ok((await page.textContent('#token')).length > 20, 'the access token, from the callbacks')
    await page.goto(site + '/account')
    assert.equal(await page.textContent('#guarded'), 'grace@example.com')
  })

  // Chromium reports the 403 of the error page.
  await scenario(`${name}: the person cancels at the provider`, { origins, expected: /status of 403/ }, async (context) => {
    const page = await open(context, site)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByRole('button', { name: 'Cancel' }).click()
    await page.waitForURL(site + '/api/auth/error?error=AccessDenied')
    await page.getByRole('heading', { name: 'Access denied' }).waitFor()
    assert.equal(await cookie(context, site, cookies + '.session-token'), undefined)
    await page.getByRole('link', { name: 'Back to sign in' }).click()
    await page.getByRole('button', { name: 'Sign in with Work ID' }).waitFor()
  })

  // Chromium reports the 401 of a wrong password.
  await scenario(`${name}: a password, without leaving the page`, { origins, expected: /status of 401/ }, async (context) => {
    const page = await open(context, site)
    const wrong = await type(page, 'difference')
    const code = name.endsWith('5') ? { code: 'credentials' } : {}
    assert.deepEqual(wrong, { error: 'CredentialsSignin', status: 401, ok: false, url: null, ...code })
    await shows(page, 'unauthenticated')
    const { error, ok, status, url } = await type(page, 'engine')
    assert.deepEqual({ error: error ?? null, ok, status, url }, { error: null, ok: true, status: 200, url: site + '/' })
    await shows(page, 'authenticated', 'ada@example.com')
    assert.deepEqual(await page.evaluate(() => auth.states), ['loading', 'unauthenticated', 'authenticated'])
  })

  await scenario(`${name}: a password, by way of the sign-in page`, { origins, expected: /status of 401/ }, async (context) => {
    const page = await open(context, site)
    await page.evaluate(() => { auth.signIn('credentials', { name: 'ada', password: 'wrong', callbackUrl: '/account' }) })
    await page.waitForURL(/\/api\/auth\/signin\?error=CredentialsSignin/)
    assert.match(await page.textContent('[role=alert]'), /do not match/)
    await page.getByLabel('Name').fill('ada')
    await page.getByLabel('Password').fill('engine')
    await page.keyboard.press('Enter')
    await page.waitForURL(site + '/account')
    assert.equal(await page.textContent('#guarded'), 'ada@example.com')
  })

  await scenario(`${name}: useSession({ required: true }) leads to the sign-in page and back`, { origins }, async (context) => {
    const page = await context.newPage()
    await page.goto(site + '/required')
    await page.waitForURL(/\/api\/auth\/signin\?/)
    const query = new URL(page.url()).searchParams
    assert.equal(query.get('error'), 'SessionRequired')
    assert.equal(query.get('callbackUrl'), site + '/required')
    assert.match(await page.textContent('[role=alert]'), /sign in to see this page/)
    await page.getByRole('button', { name: 'Sign in with Work ID' }).click()
    await page.getByRole('button', { name: 'Ada Lovelace' }).click()
    await page.waitForURL(site + '/required')
    await shows(page, 'authenticated', 'ada@example.com')
    assert.deepEqual(await page.evaluate(() => auth.states), ['loading', 'authenticated'])
  })

  await scenario(`${name}: signOut without and with a redirect`, { origins }, async (context) => {
    const page = await open(context, site)
    await enter(page)
    const answer = await page.evaluate(() => {
      window.stayed = true
      return auth.signOut({ redirect: false, callbackUrl: '/polling' })
    })
    assert.deepEqual(answer, { url: site + '/polling' })
    await shows(page, 'unauthenticated')
    assert.equal(page.url(), site + '/')
    assert.ok(await page.evaluate(() => window.stayed), 'the page was loaded again')
    assert.equal(await cookie(context, site, cookies + '.session-token'), undefined)

    await enter(page)
    assert.ok(await cookie(context, site, cookies + '.session-token'))
    await page.evaluate(() => { auth.signOut({ callbackUrl: '/polling' }) })
    await page.waitForURL(site + '/polling')
    await shows(page, 'unauthenticated')
    assert.equal(await cookie(context, site, cookies + '.session-token'), undefined)
  })

  await scenario(`${name}: getProviders and getCsrfToken`, { origins }, async (context) => {
    const page = await open(context, site)
    const providers = await page.evaluate(() => auth.getProviders())
    assert.deepEqual(Object.keys(providers), ['work', 'github', 'google', 'credentials'])
    assert.deepEqual(providers.work, {
      id: 'work', name: 'Work ID', type: 'oauth',
      signinUrl: site + '/api/auth/signin/work', callbackUrl: site + '/api/auth/callback/work',
    })
    assert.equal(providers.credentials.type, 'credentials')
    const token = await page.evaluate(() => auth.getCsrfToken())
    assert.match(token, /^[0-9a-f]{64}$/)
    assert.equal(await page.evaluate(() => auth.getCsrfToken()), token)
    assert.ok(decodeURIComponent(await cookie(context, site, cookies + '.csrf-token')).startsWith(token + '|'))
  })
}
