// How old a sign-in at a certified OpenID provider may be, which answers with
// signed userinfo here.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { scenario, startGo } from './harness.mjs'
import { startIDP } from './idp.mjs'

// begin starts a sign-in and returns where it leads.
async function begin(context, site, query) {
  const { csrfToken } = await (await context.request.get(`${site}/api/auth/csrf`)).json()
  const answer = await context.request.post(`${site}/api/auth/signin/work${query}`, { form: { csrfToken, json: 'true', callbackUrl: '/private' } })
  return (await answer.json()).url
}

const ada = (page) => page.getByRole('button', { name: 'Ada Lovelace' })

const email = async (context, site) => (await (await context.request.get(`${site}/api/auth/session`)).json()).user?.email

export default async function run() {
  const idp = await startIDP()
  const registration = { client_id: randomUUID(), client_secret: randomUUID() }
  const app = await startGo('e2e/app', [
    '-issuer', idp.issuer, '-client-id', registration.client_id, '-client-secret', registration.client_secret,
  ], { ready: /http:\/\/localhost:\d+/ })
  const site = app.match[0]
  idp.serve([{ ...registration, redirect_uris: [`${site}/api/auth/callback/work`], userinfo_signed_response_alg: 'RS256' }])
  const origins = [site, idp.issuer]

  // enter signs in at the provider, and leaves the application's session there.
  async function enter(context) {
    const page = await context.newPage()
    await page.goto(await begin(context, site, ''))
    await ada(page).click()
    await page.waitForURL(`${site}/private`)
    assert.equal(await email(context, site), 'ada@example.com')
    await context.clearCookies({ domain: 'localhost' })
    return page
  }

  await scenario('an old sign-in at the provider is good where none is asked for', { origins }, async (context) => {
    const page = await enter(context)
    await page.goto(await begin(context, site, ''))
    await page.waitForURL(`${site}/private`)
    assert.equal(await email(context, site), 'ada@example.com')
  })

  await scenario('max_age has the provider ask again', { origins }, async (context) => {
    const page = await enter(context)
    await page.waitForTimeout(1100) // the provider counts in seconds
    await page.goto(await begin(context, site, '?max_age=0'))
    await ada(page).click()
    await page.waitForURL(`${site}/private`)
    assert.equal(await email(context, site), 'ada@example.com')
  })

  await scenario('max_age that the browser takes out of the URL is missed', { origins }, async (context) => {
    const page = await enter(context)
    const url = new URL(await begin(context, site, '?max_age=0'))
    url.searchParams.delete('max_age')
    await page.goto(url.href)
    await page.waitForURL(/\/api\/auth\/(error|signin)\?.*error=OAuthCallback/)
    assert.equal(await email(context, site), undefined)
  })

  await app.stop()
  idp.stop()
}
