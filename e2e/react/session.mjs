// What the client and the browser make of a session while it lasts, and after.
import assert from 'node:assert/strict'
import { scenario } from '../harness.mjs'
import { cookie, enter, open, shows } from './page.mjs'

export async function scenarios({ name, site, shortSite, origins, cookies, nobody }) {
  const session = cookies + '.session-token'

  await scenario(`${name}: update() changes the session, in both tabs and in the cookie`, { origins }, async (context) => {
    const page = await open(context, site)
    await enter(page)
    const other = await context.newPage()
    await other.goto(site)
    await shows(other, 'authenticated')
    await later(other)

    const before = await cookie(context, site, session)
    const changed = await page.evaluate(() => auth.update({ colour: 'teal', name: 'Mallory' }))
    assert.equal(changed.colour, 'teal')
    assert.equal(changed.user.name, 'Ada Lovelace', 'the page chose its name')
    await page.locator('#colour', { hasText: 'teal' }).waitFor()
    await other.locator('#colour', { hasText: 'teal' }).waitFor()
    assert.notEqual(await cookie(context, site, session), before)

    await page.reload()
    await page.locator('#colour', { hasText: 'teal' }).waitFor()
    const me = await context.request.get(site + '/api/me')
    assert.equal((await me.json()).colour, 'teal')
  })

  await scenario(`${name}: a page that is looked at again asks again`, { origins }, async (context) => {
    const page = await open(context, site)
    await enter(page)
    await context.clearCookies({ name: session })
    assert.equal(await page.textContent('#status'), 'authenticated')
    await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')))
    await shows(page, 'unauthenticated')
  })

  await scenario(`${name}: refetchInterval asks again by itself`, { origins }, async (context) => {
    const page = await open(context, site + '/polling')
    await enter(page)
    await page.evaluate(() => auth.update({ colour: 'red' }))
    await page.waitForResponse((r) => r.url().endsWith('/session') && r.request().method() === 'GET')
    await shows(page, 'authenticated')
    await context.clearCookies({ name: session })
    await shows(page, 'unauthenticated')
  })

  await scenario(`${name}: two tabs follow each other`, { origins }, async (context) => {
    const first = await open(context, site)
    const second = await open(context, site)
    await later(first)
    await first.getByRole('button', { name: 'Sign in' }).click()
    await first.getByRole('button', { name: 'Ada Lovelace' }).click()
    await Promise.all([first, second].map((page) => shows(page, 'authenticated', 'ada@example.com')))
    await later(first)
    await second.evaluate(() => auth.signOut({ redirect: false }))
    await Promise.all([first, second].map((page) => shows(page, 'unauthenticated')))
  })

  await scenario(`${name}: the back button shows nothing after sign-out`, { origins }, async (context) => {
    const page = await open(context, site)
    await enter(page)
    await page.evaluate(() => { window.kept = true })
    await page.getByRole('link', { name: 'Account' }).click()
    await page.locator('#guarded').waitFor()

    // Public pages do come out of the back/forward cache, so that it is in use here.
    await page.evaluate(() => history.back())
    await page.waitForURL(site + '/', { waitUntil: 'commit' })
    await page.waitForFunction(() => window.kept)
    await page.evaluate(() => history.forward())
    await page.locator('#guarded').waitFor()

    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.waitForURL(site + '/')
    await shows(page, 'unauthenticated')
    await page.evaluate(() => history.back())
    await page.waitForURL(/\/api\/auth\/signin\?callbackUrl=/)
    assert.doesNotMatch(await page.content(), /ada@example\.com/)
  })

  await scenario(`${name}: signed out in another tab, the back button shows nothing`, { origins }, async (context) => {
    const page = await open(context, site)
    await enter(page)
    const other = await context.newPage()
    await other.goto(site)
    await shows(other, 'authenticated')
    await page.getByRole('link', { name: 'Private' }).click()
    await page.locator('#guarded').waitFor()
    await page.getByRole('link', { name: 'React' }).click()
    await shows(page, 'authenticated')
    await later(page)
    await other.evaluate(() => auth.signOut({ redirect: false }))
    await shows(page, 'unauthenticated')
    await page.evaluate(() => history.back())
    await page.waitForURL(/\/api\/auth\/signin\?callbackUrl=/)
    assert.doesNotMatch(await page.content(), /ada@example\.com/)
  })

  await scenario(`${name}: a session that has expired is none`, { origins }, async (context) => {
    const page = await open(context, shortSite)
    await enter(page)
    const [{ value, expires }] = (await context.cookies(shortSite)).filter((c) => c.name === session)
    const ask = () => fetch(shortSite + '/api/auth/session', { headers: { cookie: `${session}=${value}` } })
    assert.equal((await (await ask()).json()).user.email, 'ada@example.com')

    // The server's clock is moved by more than the 15 s that clocks may differ.
    await fetch(shortSite + '/clock?ahead=1m', { method: 'POST' })
    const late = await ask()
    assert.deepEqual(await late.json(), nobody)
    assert.match(late.headers.getSetCookie().join(), new RegExp(`${session}=; .*Max-Age=0|${session}=;.*1970`))
    await fetch(shortSite + '/clock?ahead=0s', { method: 'POST' })

    // The browser's clock has to arrive by itself.
    await page.waitForFunction((end) => Date.now() > end, expires * 1000)
    assert.equal(await cookie(context, shortSite, session), undefined, 'the browser keeps the cookie')
    await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')))
    await shows(page, 'unauthenticated')
    await page.goto(shortSite + '/account')
    assert.match(page.url(), /\/api\/auth\/signin\?callbackUrl=/)
  })
}

// later waits until the client's next message to other tabs differs from its
// last: version 4 stamps them in whole seconds, and browsers do not deliver the
// same one twice.
function later(page) {
  return page.waitForFunction(() => {
    const last = localStorage.getItem('nextauth.message')
    return !last || Math.floor(Date.now() / 1000) > JSON.parse(last).timestamp
  })
}
