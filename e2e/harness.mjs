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

// start runs a program until its output matches ready. What matched stands in
// match; stop ends the program.
export async function start(command, args, { ready, env = {}, cwd = root }) {
  const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  const exited = new Promise((resolve) => child.once('exit', resolve))
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
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'], ...options })
    child.once('error', reject)
    child.once('exit', (code) => (code === 0 ? resolve() : reject(new Error(`${command} ${args.join(' ')} ended with ${code}`))))
  })
}

// startGo builds the Go program in a folder of this repository and runs it.
export async function startGo(folder, args, options) {
  const build = mkdtempSync(join(tmpdir(), 'ginauth-e2e-'))
  const binary = join(build, 'program')
  const cwd = join(root, folder)
  await run('go', ['build', '-o', binary, '.'], { cwd })
  const program = await start(binary, args, { cwd, ...options })
  return {
    ...program,
    async stop() {
      await program.stop()
      rmSync(build, { recursive: true })
    },
  }
}

// startExample runs the example on a free port, as a newcomer does.
export async function startExample(env = {}) {
  const program = await startGo('example', ['-addr', '127.0.0.1:0'], { ready: /http:\/\/localhost:\d+/, env })
  return { ...program, url: program.match[0] }
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
export function browser() {
  shared ??= chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
      '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  })
  return shared
}

export async function closeBrowser() {
  await (await shared)?.close()
}

export const count = { passed: 0, failed: 0 }

// scenario runs one story in a browser profile of its own. It fails for any
// console error that is not expected, and for any request to a host that is not
// this machine's. only, given on the command line, picks scenarios by name.
export async function scenario(name, { expected, ...options }, story) {
  const only = process.argv[2]
  if (only && !name.includes(only)) return
  const context = await (await browser()).newContext(options)
  context.setDefaultTimeout(15000)
  const faults = []
  const foreign = []
  context.on('console', (m) => {
    if (m.type() === 'error' && !expected?.test(m.text())) faults.push(`${m.text()} (${m.location().url})`)
  })
  context.on('weberror', (e) => faults.push(String(e.error())))
  context.on('request', (r) => {
    const { protocol, hostname } = new URL(r.url())
    if (protocol.startsWith('http') && !['localhost', '127.0.0.1'].includes(hostname)) foreign.push(r.url())
  })
  try {
    await within(90, name, story(context))
    assert.deepEqual(faults, [], 'console errors')
    assert.deepEqual(foreign, [], 'requests to other hosts')
    count.passed++
    console.log(`ok    ${name}`)
  } catch (error) {
    count.failed++
    console.log(`FAIL  ${name}\n${error.stack}`)
  } finally {
    await within(20, 'closing the browser profile', context.close()).catch((error) => console.log(error.message))
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
