// Streams through nginx and HAProxy, with the files that docs/deployment.md shows: TLS and
// HTTP/2 to the browser, whose WebSocket is HTTP/1.1.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { connect as dial } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { folder, freePort, scenario, start, wanted } from './harness.mjs'
import { enter, leave, open, sees, startSite } from './site.mjs'
import { closed, connect, counted, farewell, listen } from './streams.mjs'

const files = fileURLToPath(new URL('../tests/testdata/proxy/', import.meta.url))

export default async function run() {
  for (const [name, startProxy] of Object.entries({ nginx: startNginx, HAProxy: startHAProxy })) {
    const story = `events and a WebSocket behind ${name}: they pass, and end with the session`
    if (!wanted(story)) continue
    const port = await freePort()
    const url = `https://localhost:${port}`
    const site = await startSite('-url', url)
    const proxy = await startProxy(port, new URL(site.url).port)
    const origins = [url, url.replace('http', 'ws')]
    await scenario(story, { origins, ignoreHTTPSErrors: true, expected: /status of 401/ }, (context) => passAndEnd(context, { url }))
    await proxy.stop()
    await site.stop()
  }
}

async function passAndEnd(context, site) {
  const [page, other] = [await open(context, site), await open(context, site)]
  await enter(other)
  await sees(page, 'Ada Lovelace')
  assert.equal(await page.evaluate(() => performance.getEntriesByType('navigation')[0].nextHopProtocol), 'h2')
  for (const { name, secure } of await context.cookies()) assert.ok(secure && name.startsWith('__'), `${name} is Secure`)
  const statuses = counted(page)
  await listen(page)
  await page.evaluate(() => new Promise((resolve) => { // no proxy holds the events back
    let more = 3
    events.addEventListener('time', () => --more || resolve())
  }))
  assert.equal(await connect(page), 'hello')
  await leave(other)
  assert.deepEqual(await farewell(page), [1008, 'the session ended'])
  await closed(page) // the stream has ended, the page connected again, and was refused
  assert.deepEqual(statuses, [200, 401])
}

// adapted is a file of the guide with what a test must have of its own.
function adapted(file, dir, port, upstream) {
  const [certificate, key, both] = ['cert.pem', 'key.pem', 'both.pem'].map((name) => join(dir, name))
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', '-subj', '/CN=localhost',
    '-addext', 'subjectAltName=DNS:localhost', '-keyout', key, '-out', certificate], { stdio: 'ignore' })
  writeFileSync(both, readFileSync(certificate) + readFileSync(key))
  return readFileSync(join(files, file), 'utf8')
    .replace('listen 443 ', `listen 127.0.0.1:${port} `).replace('bind :443 ', `bind 127.0.0.1:${port} `)
    .replace('/etc/ssl/app.example.com.both.pem', both).replace('/etc/ssl/app.example.com.pem', certificate)
    .replace('/etc/ssl/app.example.com.key', key).replace('127.0.0.1:8080', `127.0.0.1:${upstream}`)
}

async function startNginx(port, upstream) {
  const dir = folder()
  const file = join(dir, 'nginx.conf')
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => `${kind}_temp_path ${dir}/${kind};`).join(' ')
  writeFileSync(file, `${process.getuid() === 0 ? 'user root;' : ''} daemon off; worker_processes 1; pid ${dir}/pid;
    error_log stderr notice; events {} http { access_log off; ${paths} ${adapted('nginx.conf', dir, port, upstream)} }`)
  const proxy = await start('/usr/sbin/nginx', ['-p', dir, '-c', file, '-e', 'stderr'], { ready: /start worker process/ })
  await listening(port)
  return proxy
}

async function startHAProxy(port, upstream) {
  const dir = folder()
  const file = join(dir, 'haproxy.cfg')
  writeFileSync(file, adapted('haproxy.cfg', dir, port, upstream))
  const proxy = await start('/usr/sbin/haproxy', ['-d', '-f', file], { ready: /polling/ })
  await listening(port)
  return proxy
}

// listening waits until a port takes connections.
async function listening(port) {
  for (let tries = 0; tries < 100; tries++) {
    const taken = await new Promise((resolve) => {
      const socket = dial(port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false))
      socket.on('connect', () => socket.end())
    })
    if (taken) return
    await sleep(50)
  }
  throw new Error(`nothing listens on ${port}`)
}
