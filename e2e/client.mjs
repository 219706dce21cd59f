// A page that uses ginauth.js and nothing else.
import assert from 'node:assert/strict'
import { freePort, scenario } from './harness.mjs'
import { enter, leave, open, right, sees, startSite } from './site.mjs'

const unasked = /status of \d|ERR_|Failed to fetch|ginauth:/ // Chromium and the module say so in the console

// looked is what a tab notices when a person comes back to it.
const looked = (page) => page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')))

// held lets requests go to the server and keeps their answers back until release.
async function held(page, url, method) {
  let release
  let reached
  const open = new Promise((resolve) => { release = resolve })
  const asked = new Promise((resolve) => { reached = resolve })
  let first = true
  await page.route(url, async (route) => {
    if (!first || route.request().method() !== method) return route.continue()
    first = false
    const response = await route.fetch()
    reached()
    await open
    await route.fulfill({ response }).catch(() => {}) // a request that was dropped takes no answer
  })
  return { asked, release }
}

export default async function run() {
  const site = await startSite()

  await scenario('ginauth.js: each function', { origins: site.origins, expected: /status of 401/ }, async (context) => {
    const page = await open(context, site)
    await sees(page, 'nobody')
    assert.equal(await page.evaluate(() => ginauth.getSession()), null)
    assert.match(await page.evaluate(() => ginauth.getCsrfToken()), /^[0-9a-f]{64}$/)
    const providers = await page.evaluate(() => ginauth.getProviders())
    assert.deepEqual(Object.values(providers).map(({ id, type }) => [id, type]), [['local', 'oauth'], ['credentials', 'credentials']])

    assert.deepEqual(await enter(page, { ...right, password: 'no' }),
      { ok: false, status: 401, error: 'CredentialsSignin', url: null })
    await sees(page, 'nobody')
    assert.deepEqual(await enter(page), { ok: true, status: 200, error: null, url: page.url() })
    await sees(page, 'Ada Lovelace')

    const changed = await page.evaluate(() => ginauth.update({ nickname: 'Countess' }))
    assert.equal(changed.nickname, 'Countess')
    await sees(page, 'Ada Lovelace Countess')
    assert.deepEqual(await page.evaluate(() => ginauth.getSession()).then((s) => [s.user.email, s.nickname]), ['ada@example.com', 'Countess'])

    assert.deepEqual(await leave(page), { url: page.url() })
    await sees(page, 'nobody')
    assert.equal(await page.evaluate(() => ginauth.update({ nickname: 'x' })), null, 'an update of nobody')
  })

  await scenario('ginauth.js: signing in and out leads on', { origins: site.origins }, async (context) => {
    const page = await open(context, site)
    for (const provider of [undefined, 'unknown', 'constructor']) {
      await page.evaluate((p) => void ginauth.signIn(p), provider)
      await page.waitForURL('**/api/auth/signin?**')
      assert.equal(new URL(page.url()).searchParams.get('callbackUrl'), site.url + '/script')
      await page.goto(site.url + '/script')
      await page.waitForFunction(() => globalThis.ginauth)
    }
    await page.evaluate(() => void ginauth.signIn('local', { callbackUrl: '/script?a=1#part' }, { login_hint: 'grace@example.com' }))
    await page.waitForURL('**/authorize?**')
    assert.equal(new URL(page.url()).searchParams.get('login_hint'), 'grace@example.com')
    await page.click('text=Grace Hopper')
    await page.waitForURL(site.url + '/script?a=1#part')
    await sees(page, 'Grace Hopper')

    // A fragment of the page itself loads nothing: the module reloads.
    await page.evaluate(() => { globalThis.before = true; void ginauth.signOut() })
    await page.waitForFunction(() => !globalThis.before && globalThis.ginauth)
    assert.equal(page.url(), site.url + '/script?a=1#part')
    await sees(page, 'nobody')
    await page.evaluate((f) => { globalThis.before = true; void ginauth.signIn('credentials', { ...f, redirect: true, callbackUrl: '#other' }) }, right)
    await page.waitForURL(site.url + '/**#other')
    await page.waitForFunction(() => !globalThis.before && globalThis.ginauth)
    await sees(page, 'Ada Lovelace')
  })

  await scenario('ginauth.js: a page whose own address says error signs in', { origins: site.origins }, async (context) => {
    const page = await open(context, site, '/script?error=CredentialsSignin')
    assert.equal((await enter(page)).ok, true)
    await sees(page, 'Ada Lovelace')
  })

  await scenario('ginauth.js: tabs follow each other, both ways', { origins: site.origins }, async (context) => {
    const [one, two] = [await open(context, site), await open(context, site)]
    await sees(one, 'nobody')
    await sees(two, 'nobody')
    await enter(one)
    await sees(two, 'Ada Lovelace')
    await two.evaluate(() => ginauth.update({ nickname: 'Countess' }))
    await sees(one, 'Ada Lovelace Countess')
    await leave(two)
    await sees(one, 'nobody')
    await two.evaluate(() => void ginauth.signIn('local'))
    await two.waitForURL('**/authorize?**')
    await two.click('text=Grace Hopper')
    await sees(two, 'Grace Hopper')
    await sees(one, 'Grace Hopper')
    await one.evaluate(() => { globalThis.before = true; void ginauth.signOut() })
    await sees(two, 'nobody')
    await one.waitForFunction(() => !globalThis.before && globalThis.ginauth)
    await sees(one, 'nobody')
  })

  await scenario('ginauth.js: without storage tabs follow when they are looked at', { origins: site.origins }, async (context) => {
    await context.addInitScript(() => {
      for (const name of ['localStorage', 'sessionStorage']) {
        Object.defineProperty(window, name, { get() { throw new DOMException('blocked', 'SecurityError') } })
      }
    })
    const [one, two] = [await open(context, site), await open(context, site)]
    await sees(two, 'nobody')
    await enter(one)
    await sees(one, 'Ada Lovelace')
    await looked(two)
    await sees(two, 'Ada Lovelace')
    await leave(one)
    await two.evaluate(() => dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true })))
    await sees(two, 'nobody')
    await enter(one)
    await two.evaluate(() => dispatchEvent(new Event('online')))
    await sees(two, 'Ada Lovelace')
  })

  await scenario('ginauth.js: an answer that is none keeps the session', { origins: site.origins, expected: unasked }, async (context) => {
    const page = await open(context, site)
    await enter(page)
    await sees(page, 'Ada Lovelace')
    await page.evaluate(() => { globalThis.heard = []; ginauth.onSession((s) => heard.push(s)) })
    const html = '<html>gateway</html>'
    for (const [answer, status] of [
      [{ status: 500, json: { message: 'There is a problem' } }, 500], [{ status: 401, json: {} }, 401],
      [{ status: 502, contentType: 'text/html', body: html }, 502], [{ status: 200, contentType: 'text/html', body: html }, 200],
      [{ status: 200, json: 'text' }, 200], [null, undefined],
    ]) {
      await page.route('**/api/auth/session', (route) => (answer ? route.fulfill(answer) : route.abort()))
      const fault = await page.evaluate(() => ginauth.getSession().then(() => 'an answer', (e) => ({ error: e instanceof Error, status: e.status })))
      assert.deepEqual(fault, { error: true, status })
      await page.unroute('**/api/auth/session')
    }
    assert.equal(await page.evaluate(() => heard.length), 1)
    await sees(page, 'Ada Lovelace')

    // A sign-out and a sign-in that are no answers reject; they lead nowhere.
    for (const [path, act] of [['signout', () => ginauth.signOut()], ['callback/credentials', () => ginauth.signIn('credentials')]]) {
      await page.route(`**/api/auth/${path}`, (route) => route.fulfill({ status: 502, contentType: 'text/html', body: html }))
      const here = page.url()
      assert.equal(await page.evaluate(`(${act})().then(() => 'done', (e) => e.status)`), 502)
      assert.equal(page.url(), here)
    }
    assert.equal(await page.evaluate(() => ginauth.getSession().then((s) => s.user.name)), 'Ada Lovelace', 'after the faults')
  })

  const addr = `127.0.0.1:${await freePort()}`
  const first = await startSite('-addr', addr)
  await scenario('ginauth.js: the server is down, and comes back', { origins: first.origins, expected: unasked }, async (context) => {
    const page = await open(context, first)
    await enter(page)
    await sees(page, 'Ada Lovelace')
    await first.stop()
    const failed = page.waitForEvent('requestfailed')
    await looked(page)
    await failed
    assert.equal(await page.evaluate(() => ginauth.getSession().catch((e) => e.name)), 'TypeError')
    await sees(page, 'Ada Lovelace')
    const second = await startSite('-addr', addr)
    assert.equal((await page.evaluate(() => ginauth.update({ nickname: 'again' }))).nickname, 'again')
    await sees(page, 'Ada Lovelace again')
    await second.stop()
  })

  await scenario('ginauth.js: a late answer brings no old session back', { origins: site.origins }, async (context) => {
    const page = await open(context, site)
    await enter(page)
    for (const [change, want] of [
      [() => ginauth.update({ nickname: 'new' }), 'Ada Lovelace new'],
      [() => ginauth.signOut({ redirect: false }), 'nobody'],
    ]) {
      const late = await held(page, '**/api/auth/session', 'GET')
      await page.evaluate(() => { globalThis.asked = ginauth.getSession() })
      await late.asked
      await page.evaluate(`(${change})()`)
      late.release()
      const found = await page.evaluate(() => asked)
      assert.equal(found ? `${found.user.name} ${found.nickname}` : 'nobody', want, 'what the one who asked before is told')
      await sees(page, want)
      await page.unroute('**/api/auth/session')
      await page.reload()
      await sees(page, want)
      await page.waitForFunction(() => globalThis.ginauth)
    }
  })

  await scenario('ginauth.js: changes go one after another', { origins: site.origins }, async (context) => {
    const page = await open(context, site)
    await enter(page)
    const seen = []
    const ours = (r) => r.url().endsWith('/session')
    page.on('request', (r) => ours(r) && seen.push(r.method()))
    page.on('response', (r) => ours(r) && seen.push('answer'))
    const names = await page.evaluate(() => Promise.all([
      ginauth.update({ nickname: 'one' }), ginauth.update({ nickname: 'two' }), ginauth.getSession(),
    ]).then((all) => all.map((s) => s.nickname)))
    assert.deepEqual(names, ['one', 'two', 'two'])
    assert.deepEqual(seen, ['POST', 'answer', 'POST', 'answer', 'GET', 'answer'])
    await sees(page, 'Ada Lovelace two')
  })

  await scenario('ginauth.js: listeners', { origins: site.origins }, async (context) => {
    const page = await open(context, site)
    await sees(page, 'nobody')
    const heard = await page.evaluate(async (fields) => {
      const heard = []
      const faults = []
      globalThis.reportError = (e) => faults.push(e.message)
      const note = (name) => (s) => heard.push(`${name} ${s ? 'in' : 'out'}`)
      const twice = note('twice')
      const first = ginauth.onSession(twice)
      ginauth.onSession(twice)
      ginauth.onSession(() => { throw new Error('broken') })
      let stopped
      ginauth.onSession((s) => { if (s) { stopped(); ginauth.onSession(note('added')) } })
      stopped = ginauth.onSession(note('stopped'))
      ginauth.onSession(note('last'))
      await ginauth.getSession()
      heard.push('|')
      first()
      await ginauth.signIn('credentials', fields)
      await ginauth.getSession() // the same again is no news
      return { heard, faults }
    }, right)
    assert.deepEqual(heard.heard, ['twice out', 'twice out', 'stopped out', 'last out', '|', 'twice in', 'last in', 'added in'])
    assert.deepEqual(heard.faults, ['broken', 'broken'])
  })

  await scenario('ginauth.js: what lacks the right CSRF token is refused, and said to be', { origins: site.origins, expected: unasked }, async (context) => {
    const page = await open(context, site)
    const wrong = (route) => {
      const body = route.request().postData()
      return body ? route.continue({ postData: body.replace(/[0-9a-f]{64}/, '0'.repeat(64)) }) : route.continue()
    }
    await page.route('**/api/auth/**', wrong)
    assert.deepEqual(await enter(page), { ok: false, status: 200, error: 'csrf', url: null })
    await page.unroute('**/api/auth/**')
    await enter(page)
    await page.route('**/api/auth/**', wrong)
    assert.match(await page.evaluate(() => ginauth.signOut({ redirect: false }).catch((e) => e.message)), /refused/)
    assert.equal(await page.evaluate(() => ginauth.update({}).catch((e) => e.status)), 400)
    await sees(page, 'Ada Lovelace')
  })

  // Chromium finds every name below localhost on this machine. The site's own name
  // has an i and a k, which Unicode's case mappings make of other letters.
  const kiss = site.url.replace(/127\.0\.0\.1|localhost/, 'kiss.localhost')
  await scenario('a callback URL on a host that only looks like this one', { origins: [kiss], expected: /status of 404/ }, async (context) => {
    const page = await context.newPage()
    for (const [host, path] of [['k\u0130ss', '/'], ['ki\u00df', '/'], ['\u212aiss', '/script'], ['kiss\u00ad', '/script'], ['kiss\u3002localhost', '/script']]) {
      const callbackUrl = kiss.replace(/kiss(?=\.)/, host).replace('\u3002localhost.localhost', '\u3002localhost') + '/script'
      await page.goto(`${kiss}/api/auth/signin?${new URLSearchParams({ callbackUrl })}`)
      await page.getByLabel('username').fill(right.username)
      await page.getByLabel('password').fill(right.password)
      await page.locator('form[action$="/callback/credentials"] button').click()
      await page.waitForURL(kiss + path)
      const { origin } = await page.evaluate((url) => ({ origin: new URL(url).origin }), callbackUrl)
      assert.equal(origin === kiss, path === '/script', `${callbackUrl} is of ${origin}`)
    }
  })

  await site.stop()
}
