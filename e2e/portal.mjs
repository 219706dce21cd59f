// Another site starts a sign-in (OpenID Connect Core §4). What a browser says of the
// request, the browser decides.
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { scenario } from './harness.mjs'
import { startSite } from './site.mjs'

export default async function run() {
  await portal()
  await closed()
}

// startPortal serves a page of another site, which the suite fills.
async function startPortal(body) {
  const server = createServer((req, res) => {
    res.setHeader('content-type', 'text/html')
    res.end(`<!doctype html><link rel="icon" href="data:,"><title>Portal</title>${req.url === '/' ? body() : ''}`)
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { url: `http://portal.localhost:${server.address().port}`, stop: () => server.close() }
}

const tile = (site, more = {}) => `${site.url}/api/auth/signin/local?` + new URLSearchParams({ iss: site.origins[2], target_link_uri: '/forms', ...more })
const escaped = (text) => text.replaceAll('&', '&amp;')
const underWay = async (context) => (await context.cookies()).filter((c) => c.name.includes('transaction.')).length

async function choose(page, name, url) {
  await page.getByText(name).click()
  await page.waitForURL(url)
  await page.getByText(name).first().waitFor()
}

async function portal() {
  const site = await startSite('-portal', '-host', 'app.site.localhost')
  let body = ''
  const other = await startPortal(() => body)
  const origins = [...site.origins, other.url]
  await scenario('portal: a tile signs in, and asks who is signed in already', { origins }, async (context) => {
    body = `<a href="${escaped(tile(site, { login_hint: 'grace@example.com' }))}">Tile</a>`
    const page = await context.newPage()
    await page.goto(other.url)
    await page.click('text=Tile')
    await page.waitForURL('**/authorize?**')
    assert.equal(new URL(page.url()).searchParams.get('login_hint'), 'grace@example.com')
    await choose(page, 'Grace Hopper', site.url + '/forms')

    await page.goto(other.url)
    await page.click('text=Tile')
    await page.getByText('Another site sent you here to sign in.').waitFor()
    assert.equal(await underWay(context), 0)
    await page.click('.provider')
    await page.waitForURL('**/authorize?**')
    await choose(page, 'Ada Lovelace', site.url + '/forms')
  })
  await scenario('portal: a tile that posts signs in', { origins }, async (context) => {
    const fields = [...new URL(tile(site)).searchParams].map(([name, value]) => `<input type="hidden" name="${name}" value="${escaped(value)}">`)
    body = `<form method="post" action="${site.url}/api/auth/signin/local">${fields.join('')}<button>Tile</button></form>`
    const page = await context.newPage()
    await page.goto(other.url)
    await page.click('text=Tile')
    await page.waitForURL('**/authorize?**')
    await choose(page, 'Ada Lovelace', site.url + '/forms')
    await page.goto(other.url)
    await page.click('text=Tile')
    await page.getByText('Another site sent you here to sign in.').waitFor()
  })
  // A frame, an image, a script and a prerendered page reach the site, and begin nothing.
  await scenario('portal: what nobody sees begins nothing', { origins, expected: /frame|Framing|frame-ancestors|ERR_BLOCKED|image/i }, async (context) => {
    const hidden = (name) => escaped(tile(site, { login_hint: name }))
    const rules = JSON.stringify({ prerender: [{ urls: [tile(site, { login_hint: 'prerender' })], eagerness: 'immediate' }] })
    body = `<iframe src="${hidden('frame')}"></iframe><img src="${hidden('image')}" alt="">
      <link rel="prefetch" href="${hidden('prefetch')}"><script type="speculationrules">${rules}</script>
      <script>globalThis.done = fetch(${JSON.stringify(tile(site, { login_hint: 'script' }))}, { mode: 'no-cors', credentials: 'include' }).catch(() => {})</script>`
    const sent = new Set()
    const answered = new Set()
    const note = (set, url, more = '') => {
      const hint = new URL(url).searchParams.get('login_hint')
      if (hint && url.startsWith(site.url)) set.add(hint + more)
    }
    context.on('request', (r) => note(sent, r.url()))
    context.on('response', (r) => note(answered, r.url(), ` ${r.status()}`))
    const page = await context.newPage()
    await page.goto(other.url)
    await page.waitForLoadState('networkidle')
    await page.evaluate(() => globalThis.done)
    for (const name of ['frame', 'image', 'script']) assert.ok(sent.has(name), [...sent].join(', '))
    for (const answer of answered) assert.match(answer, / 200$/)
    assert.equal(await underWay(context), 0)
  })
  await scenario('portal: planted sign-ins push none of our own out', { origins }, async (context) => {
    body = `<a href="${escaped(tile(site))}">Tile</a>`
    const ours = []
    for (let i = 0; i < 4; i++) {
      const page = await context.newPage()
      await page.goto(site.url + '/api/auth/signin?callbackUrl=/forms')
      await page.click('.provider')
      await page.waitForURL('**/authorize?**')
      ours.push(page)
    }
    const planting = await context.newPage()
    for (let i = 0; i < 6; i++) {
      await planting.goto(other.url)
      await planting.click('text=Tile')
      await planting.waitForURL('**/authorize?**')
    }
    assert.equal(await underWay(context), 5)
    for (const page of ours) await choose(page, 'Ada Lovelace', site.url + '/forms')
  })
  other.stop()
  await site.stop()
}

// Without the option a tile shows the sign-in page.
async function closed() {
  const site = await startSite('-host', 'app.site.localhost')
  const other = await startPortal(() => `<a href="${escaped(tile(site))}">Tile</a>`)
  await scenario('portal: no other site starts a sign-in unless it may', { origins: [...site.origins, other.url] }, async (context) => {
    const page = await context.newPage()
    await page.goto(other.url)
    await page.click('text=Tile')
    await page.waitForURL('**/api/auth/signin/local?**')
    await page.locator('.provider').waitFor()
    assert.equal(await page.getByText('Another site sent you here').count(), 0)
    assert.equal(await underWay(context), 0)
  })
  other.stop()
  await site.stop()
}
