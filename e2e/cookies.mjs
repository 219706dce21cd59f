// What a browser makes of our cookies: SameSite=Strict, a Domain that changes, and the
// way back to the provider's page.
import assert from 'node:assert/strict'
import { freePort, scenario } from './harness.mjs'
import { startSite } from './site.mjs'

const session = 'next-auth.session-token'

export default async function run() {
  await strict()
  await back()
  await posted()
  await domains()
}

// signIn goes from a page to the provider and returns its page, where nobody is chosen yet.
async function signIn(context, site) {
  const page = await context.newPage()
  await page.goto(site.url + '/api/auth/signin?callbackUrl=/forms')
  await page.click('.provider')
  await page.waitForURL('**/authorize?**')
  return page
}

async function choose(page, name, url) {
  await page.getByText(name).click()
  await page.waitForURL(url)
}

const sessions = async (context) => (await context.cookies()).filter((c) => c.name.startsWith(session))

async function shows(page, text) {
  await page.getByText(text).first().waitFor()
}

// The provider is on 127.0.0.1, another site.
async function strict() {
  for (const long of [false, true]) {
    const site = await startSite('-strict', '-host', 'app.site.localhost', ...(long ? ['-long'] : []))
    await scenario(`cookies: SameSite=Strict, ${long ? 'in chunks' : 'in one cookie'}`, { origins: site.origins, expected: /status of 404/ }, async (context) => {
      // The provider has no icon for the page that is looked at there.
      const callbacks = []
      context.on('request', (r) => {
        if (r.url().includes('/api/auth/callback/')) callbacks.push(r.headers().referer)
      })
      const page = await signIn(context, site)
      await choose(page, 'Ada Lovelace', site.url + '/forms')
      await shows(page, 'Ada Lovelace')
      assert.equal(callbacks.length, 2, 'the answer is loaded twice')
      assert.ok(!callbacks[1]?.includes('code='), 'the second does not say where it comes from')
      const kept = await sessions(context)
      assert.equal(kept.length, long ? 4 : 1)
      for (const c of kept) assert.equal(c.sameSite, 'Strict')

      // Signed in, as another: the former session goes, with all its chunks.
      await choose(await signIn(context, site), 'Grace Hopper', site.url + '/forms')
      await page.goto(site.url + '/mine/page')
      await shows(page, 'Grace Hopper')
      assert.equal((await sessions(context)).length, long ? 4 : 1)

      // Back to the provider's page, and its answer again.
      const other = await signIn(context, site)
      await choose(other, 'Grace Hopper', site.url + '/forms')
      for (let i = 0; i < 2; i++) {
        await other.goBack({ waitUntil: 'commit' })
        assert.match(other.url(), /authorize/)
        await choose(other, 'Grace Hopper', site.url + '/forms')
        await shows(other, 'Grace Hopper')
      }

      // A link from another site brings no cookie: the sign-in page, and no further.
      const elsewhere = await context.newPage()
      await elsewhere.goto(site.origins[2] + '/.well-known/openid-configuration')
      await elsewhere.evaluate((to) => { location.href = to }, site.url + '/mine/page')
      await elsewhere.waitForURL('**/api/auth/signin?**')
      await elsewhere.click('.provider')
      await elsewhere.waitForURL('**/authorize?**')
      await choose(elsewhere, 'Grace Hopper', site.url + '/mine/page')
      await shows(elsewhere, 'Grace Hopper')

      await elsewhere.getByRole('button', { name: 'Sign out' }).click()
      await elsewhere.waitForURL(site.url + '/forms')
      assert.deepEqual(await sessions(context), [])
    })
    await site.stop()
  }
}

async function back() {
  const site = await startSite('-host', 'app.site.localhost')
  await scenario('cookies: back to the provider after signing in, and after signing out', { origins: site.origins }, async (context) => {
    const page = await signIn(context, site)
    await choose(page, 'Ada Lovelace', site.url + '/forms')
    await page.goBack({ waitUntil: 'commit' })
    await choose(page, 'Ada Lovelace', site.url + '/forms')
    await shows(page, 'Ada Lovelace')
    const callback = await new Promise((resolve) => {
      context.on('request', (r) => { if (r.url().includes('/callback/')) resolve(r.url()) })
      page.goBack({ waitUntil: 'commit' }).then(() => page.getByText('Ada Lovelace').click())
    })
    await page.waitForURL(site.url + '/forms')

    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.waitForURL(site.url + '/forms')
    await page.goto(callback)
    await shows(page, 'This sign-in was already used, or it has expired.')
    await page.click('.provider')
    await page.waitForURL('**/authorize?**')
    await choose(page, 'Ada Lovelace', site.url + '/forms')
    await shows(page, 'Ada Lovelace')

    await context.clearCookies()
    await page.goto(callback)
    await shows(page, 'This browser did not start that sign-in')
  })
  await site.stop()
}

// The provider's answer is a form that its page posts. Of the site's cookies, that of the
// sign-in alone comes along, which Chromium takes from localhost without TLS.
async function posted() {
  for (const long of [false, true]) {
    const site = await startSite('-response-mode', 'form_post', '-host', 'app.site.localhost', ...(long ? ['-long'] : []))
    await scenario(`cookies: an answer by form post, ${long ? 'in chunks' : 'in one cookie'}`, { origins: site.origins }, async (context) => {
      const answers = []
      context.on('request', async (r) => {
        if (r.url().includes('/api/auth/callback/')) answers.push([r.method(), new URL(r.url()).search, (await r.allHeaders()).cookie ?? ''])
      })
      for (const name of ['Ada Lovelace', 'Grace Hopper']) { // in place of the other
        const page = await signIn(context, site)
        await choose(page, name, site.url + '/forms')
        await shows(page, name)
        await page.goto(site.url + '/mine/page')
        await shows(page, name)
      }
      assert.equal(answers.length, 2)
      for (const [method, query, cookie] of answers) {
        assert.equal(method, 'POST')
        assert.equal(query, '')
        assert.match(cookie, /^[^;]*transaction\.[^;]*$/, 'the cookie of the sign-in alone')
      }
      assert.equal((await sessions(context)).length, long ? 4 : 1)
    })
    await site.stop()
  }
}

// One process takes the place of the other on one address, with one secret.
async function domains() {
  for (const [before, after] of [['site.localhost', ''], ['', 'site.localhost'], ['app.site.localhost', ''], ['site.localhost', 'app.site.localhost']]) {
    for (const long of [false, true]) {
      const port = await freePort()
      const deploy = (domain) => startSite('-addr', `127.0.0.1:${port}`, '-host', 'app.site.localhost', ...(domain ? ['-domain', domain] : []), ...(long ? ['-long'] : []))
      let site = await deploy(before)
      // The second process has a provider of its own.
      const origins = [...site.origins]
      await scenario(`cookies: from Domain "${before}" to "${after}", ${long ? 'in chunks' : 'in one cookie'}`, { origins }, async (context) => {
        await choose(await signIn(context, site), 'Ada Lovelace', site.url + '/forms')
        const other = await context.browser().newContext()
        await choose(await signIn(other, site), 'Ada Lovelace', site.url + '/forms')
        await site.stop()
        site = await deploy(after)
        origins.push(...site.origins)

        // One signs out at once.
        const leaving = await other.newPage()
        await leaving.goto(site.url + '/forms')
        await shows(leaving, 'Ada Lovelace')
        await leaving.getByRole('button', { name: 'Sign out' }).click()
        await leaving.waitForURL(site.url + '/forms')
        assert.deepEqual(await sessions(other), [])
        await other.close()

        // The other goes on, gets a further cookie by update(), and signs in again.
        const page = await context.newPage()
        await page.goto(site.url + '/script')
        await page.waitForFunction(() => globalThis.ginauth)
        await page.evaluate(() => ginauth.update({ nickname: 'Countess' }))
        await page.goto(site.url + '/mine/page')
        await shows(page, 'Ada Lovelace')
        await choose(await signIn(context, site), 'Grace Hopper', site.url + '/forms')
        await page.goto(site.url + '/mine/page')
        await shows(page, 'Grace Hopper')
        const domains = new Set((await sessions(context)).map((c) => c.domain))
        assert.deepEqual([...domains], [after ? `.${after}` : 'app.site.localhost'])
        await page.getByRole('button', { name: 'Sign out' }).click()
        await page.waitForURL(site.url + '/forms')
        assert.deepEqual(await sessions(context), [])
      })
      await site.stop()
    }
  }
}
