// Streams that end with their session: server-sent events and WebSockets.
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { scenario } from './harness.mjs'
import { enter, leave, open, sees, startSite } from './site.mjs'

const refused = /status of 401/ // Chromium reports the answer that ends an EventSource

// listen opens the page's EventSource and waits for its first event.
export const listen = (page) => page.evaluate(() => new Promise((resolve, reject) => {
  globalThis.events = new EventSource('/mine/events')
  events.addEventListener('time', resolve, { once: true })
  events.onerror = () => reject(new Error('no stream'))
}).then(() => { events.onerror = null }))

export const closed = (page) => page.waitForFunction(() => events.readyState === EventSource.CLOSED)

// counted keeps the statuses of the page's requests for the stream.
export function counted(page) {
  const statuses = []
  page.on('response', (r) => r.url().endsWith('/mine/events') && statuses.push(r.status()))
  return statuses
}

// connect opens the page's WebSocket and waits for an echo.
export const connect = (page) => page.evaluate(() => new Promise((resolve, reject) => {
  globalThis.socket = new WebSocket(location.origin.replace('http', 'ws') + '/mine/socket')
  socket.onopen = () => socket.send('hello')
  socket.onmessage = (e) => resolve(e.data)
  socket.onclose = (e) => { globalThis.farewell = [e.code, e.reason]; reject(new Error(`closed: ${e.code}`)) }
}))

export const farewell = (page) => page.waitForFunction(() => globalThis.farewell).then((h) => h.jsonValue())

export default async function run() {
  const site = await startSite()

  await scenario('events: signed out, one 401 and no more', { origins: site.origins, expected: refused }, async (context) => {
    const page = await open(context, site)
    const statuses = counted(page)
    await page.evaluate(() => { globalThis.events = new EventSource('/mine/events') })
    await closed(page)
    assert.deepEqual(statuses, [401])
  })

  await scenario('events end when the session is signed out in another tab', { origins: site.origins, expected: refused }, async (context) => {
    const [page, other] = [await open(context, site), await open(context, site)]
    await enter(other)
    await sees(page, 'Ada Lovelace')
    const statuses = counted(page)
    await listen(page)
    await leave(other)
    await closed(page) // the stream has ended, the page connected again, and was refused
    assert.deepEqual(statuses, [200, 401])
  })

  await scenario('events of another person go on', { origins: site.origins }, async (context) => {
    const page = await open(context, site)
    await enter(page)
    await listen(page)
    await page.evaluate(() => { globalThis.ends = 0; events.onerror = () => ends++ })
    const strangers = await context.browser().newContext()
    const other = await open(strangers, site)
    await other.evaluate(() => void ginauth.signIn('local'))
    await other.waitForURL('**/authorize?**')
    await other.click('text=Grace Hopper')
    await sees(other, 'Grace Hopper')
    await leave(other)
    await strangers.close()
    await page.evaluate(() => new Promise((resolve) => {
      let more = 3
      events.addEventListener('time', () => --more || resolve())
    }))
    assert.equal(await page.evaluate(() => ends), 0)
  })

  await scenario('a WebSocket is closed when the session is signed out in another tab', { origins: site.origins }, async (context) => {
    const [page, other] = [await open(context, site), await open(context, site)]
    await enter(other)
    assert.equal(await connect(page), 'hello')
    await leave(other)
    assert.deepEqual(await farewell(page), [1008, 'the session ended'])
  })

  // The same host with another port is another origin, and gets the cookie.
  const foreign = createServer((_, res) => res.setHeader('Content-Type', 'text/html').end('<link rel="icon" href="data:,">'))
  await new Promise((resolve) => foreign.listen(0, '127.0.0.1', resolve))
  const elsewhere = `http://localhost:${foreign.address().port}`
  await scenario('a WebSocket from another origin is refused', {
    origins: [...site.origins, elsewhere], expected: /Unexpected response code: 403/,
  }, async (context) => {
    const page = await open(context, site)
    await enter(page)
    assert.equal(await connect(page), 'hello')
    const attacker = await context.newPage()
    const said = []
    attacker.on('console', (m) => said.push(m.text()))
    await attacker.goto(elsewhere)
    const event = await attacker.evaluate((url) => new Promise((resolve) => {
      const socket = new WebSocket(url)
      socket.onopen = () => resolve('open')
      socket.onclose = () => resolve('refused')
    }), site.url.replace('http', 'ws') + '/mine/socket')
    assert.equal(event, 'refused')
    assert.match(said.join('\n'), /Unexpected response code: 403/)
  })
  foreign.close()

  await site.stop()

  const short = await startSite('-max-age', '3s')
  await scenario('events and a WebSocket end when the session expires', { origins: short.origins, expected: refused }, async (context) => {
    const page = await open(context, short)
    await enter(page)
    const statuses = counted(page)
    await listen(page)
    assert.equal(await connect(page), 'hello')
    assert.deepEqual(await farewell(page), [1008, 'the session ended'])
    await closed(page)
    assert.equal(statuses.at(-1), 401)
    assert.ok(statuses.slice(0, -1).every((s) => s === 200), String(statuses))
    assert.equal(await page.evaluate(() => ginauth.getSession()), null)
    await sees(page, 'nobody')
  })
  await short.stop()
}
