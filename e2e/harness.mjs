// What every suite needs: programs to look at, a browser, and a count of what held.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'

const root = fileURLToPath(new URL('..', import.meta.url))

// What a suite leaves behind when it breaks off.
const running = new Set()
const made = mkdtempSync(join(tmpdir(), 'ginauth-e2e-'))
process.on('exit', () => {
  for (const child of running) child.kill()
  rmSync(made, { recursive: true, force: true })
})

// folder is an empty one that goes with this process.
export const folder = () => mkdtempSync(join(made, 'folder-'))

// grouped runs a program in a process group of its own, beside a watcher that kills
// the group when this process is gone, in whatever way: the pipe, of which this process
// has the other end, is closed then. It ends with the program too.
const watched = '(trap "" HUP INT TERM; read -r _ <&3; kill -KILL 0) >/dev/null 2>&1 & exec "$0" "$@" 3<&-'
function grouped(command, args, { stdio, ...options }) {
  const child = spawn('/bin/sh', ['-c', watched, command, ...args], { ...options, detached: true, stdio: [...stdio, 'pipe'] })
  child.stdio[3].on('error', () => {}) // the watcher may go first
  child.once('exit', () => child.stdio[3].destroy())
  return child
}

// start runs a program until its output matches ready. What matched stands in
// match; stop ends the program.
export async function start(command, args, { ready, env = {}, cwd = root }) {
  const child = grouped(command, args, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  running.add(child)
  const exited = new Promise((resolve) => child.once('exit', resolve)).then(() => running.delete(child))
  let output = ''
  const match = await new Promise((resolve, reject) => {
    const read = (chunk) => {
      output += chunk
      const found = output.match(ready)
      if (found) resolve(found)
    }
    child.stdout.on('data', read)
    child.stderr.on('data', read)
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`${command} ended with ${code}:\n${output}`)))
  })
  return {
    match,
    log: () => output,
    async stop() {
      child.kill()
      await exited
    },
  }
}

// run waits for a program that ends by itself.
export function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = grouped(command, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'], ...options })
    child.once('error', reject)
    child.once('exit', (code) => (code === 0 ? resolve() : reject(new Error(`${command} ${args.join(' ')} ended with ${code}`))))
  })
}

const builds = new Map()

// startGo runs the Go program in a folder of this repository, built once.
export async function startGo(source, args, options) {
  const cwd = join(root, source)
  const binary = join(made, source.replaceAll('/', '-'))
  if (!builds.has(source)) builds.set(source, run('go', ['build', '-o', binary, '.'], { cwd }))
  await builds.get(source)
  return start(binary, args, { cwd, ...options })
}

// startExample runs the example on a free port, as a newcomer does, or on the
// one given. origins are its own and that of its identity provider.
export async function startExample(env = {}, port = 0) {
  const program = await startGo('example', ['-addr', `127.0.0.1:${port}`], { ready: /http:\/\/localhost:\d+/, env })
  const url = program.match[0]
  return { ...program, url, origins: [url, await providerOrigin(url, 'local')] }
}

// providerOrigin asks an application where its sign-in leads.
async function providerOrigin(url, id) {
  const csrf = await fetch(`${url}/api/auth/csrf`)
  const { csrfToken } = await csrf.json()
  const begin = await fetch(`${url}/api/auth/signin/${id}`, {
    method: 'POST',
    headers: { cookie: csrf.headers.getSetCookie().map((line) => line.split(';')[0]).join('; ') },
    body: new URLSearchParams({ csrfToken, json: 'true' }),
  })
  return new URL((await begin.json()).url).origin
}

// freePort is one that nothing listened on a moment ago.
export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })
}

let shared

// browser is Debian's Chromium, one for all suites; CHROMIUM names another one.
// It keeps its back/forward cache, which people's browsers have too.
export function browser() {
  shared ??= chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    ignoreDefaultArgs: ['--disable-back-forward-cache'],
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
      '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  })
  return shared
}

export async function closeBrowser() {
  await (await shared)?.close()
}

export const count = { passed: 0, failed: 0 }

// wanted picks scenarios by the word given on the command line.
export const wanted = (name) => !process.argv[2] || name.includes(process.argv[2])

// scenario runs one story in a browser profile of its own. It fails for any
// request to an origin that it does not name, and for any console error but those
// that expected matches, of which there must be one.
export async function scenario(name, { origins, expected, ...options }, story) {
  if (!wanted(name)) return
  const began = Date.now()
  const context = await (await browser()).newContext(options)
  context.setDefaultTimeout(15000)
  const faults = []
  const foreign = []
  let saw
  const seen = expected ? new Promise((resolve) => { saw = resolve }) : Promise.resolve()
  context.on('console', (m) => {
    if (m.type() !== 'error') return
    if (expected?.test(m.text())) saw()
    else faults.push(`${m.text()} (${m.location().url})`)
  })
  context.on('weberror', (e) => faults.push(String(e.error())))
  context.on('request', (r) => {
    const { protocol, origin } = new URL(r.url())
    if (/^(http|ws)/.test(protocol) && !origins.includes(origin)) foreign.push(r.url())
  })
  let failure
  try {
    await within(90, name, story(context))
    await within(5, `a console error like ${expected}`, seen) // it may come behind the answer
    assert.deepEqual(faults, [], 'console errors')
    assert.deepEqual(foreign, [], 'requests to other origins')
  } catch (error) {
    failure = error
  } finally {
    await within(20, 'closing the browser profile', context.close()).catch((error) => console.log(error.message))
  }
  const took = `${((Date.now() - began) / 1000).toFixed(1)} s`
  if (failure) {
    count.failed++
    console.log(`FAIL  ${name} (${took})\n${failure.stack}`)
    if (faults.length) console.log('console errors:', faults)
  } else {
    count.passed++
    console.log(`ok    ${name} (${took})`)
  }
}

// within bounds what may hang, in seconds.
export function within(seconds, what, promise) {
  let timer
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not done after ${seconds} s`)), seconds * 1000)
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}

// press moves by Tab until the wanted link or button has the focus, and uses it.
export async function press(page, name) {
  for (let i = 0; i < 30; i++) {
    await page.keyboard.press('Tab')
    const text = await page.evaluate(() => document.activeElement?.textContent?.replace(/\s+/g, ' ').trim() ?? '')
    if (text.includes(name)) {
      await page.keyboard.press('Enter')
      return
    }
  }
  throw new Error(`no way to ${name} by keyboard on ${page.url()}`)
}
