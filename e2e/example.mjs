// Starts the example as a newcomer does, and a browser to look at it with.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'

const root = fileURLToPath(new URL('..', import.meta.url))

// startExample builds and runs the example on a free port, with further
// environment variables; stop ends it.
export async function startExample(variables = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'ginauth-e2e-'))
  const binary = join(folder, 'example')
  await finished(spawn('go', ['build', '-o', binary, './example'], { cwd: root, stdio: 'inherit' }))
  const child = spawn(binary, ['-addr', '127.0.0.1:0'], {
    env: { ...process.env, ...variables },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const exited = new Promise((resolve) => child.once('exit', resolve))
  let output = ''
  const url = await new Promise((resolve, reject) => {
    const read = (chunk) => {
      output += chunk
      const found = output.match(/http:\/\/localhost:\d+/)
      if (found) resolve(found[0])
    }
    child.stdout.on('data', read)
    child.stderr.on('data', read)
    child.once('exit', (code) => reject(new Error(`the example ended with ${code}:\n${output}`)))
  })
  return {
    url,
    log: () => output,
    async stop() {
      child.kill()
      await exited
      rmSync(folder, { recursive: true })
    },
  }
}

function finished(child) {
  return new Promise((resolve, reject) =>
    child.once('exit', (code) => (code === 0 ? resolve() : reject(new Error(`${child.spawnfile} ended with ${code}`)))))
}

// startBrowser runs Debian's Chromium; CHROMIUM names another one.
export function startBrowser() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
      '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  })
}
