// next-auth's own client for React, unmodified, against ginauth and a certified
// OpenID provider: version 4, and version 5 with Auth.js's sessions.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { folder, startGo } from './harness.mjs'
import { startIDP } from './idp.mjs'
import * as signIn from './react/signin.mjs'
import * as session from './react/session.mjs'

const versions = [
  { name: 'next-auth 4', module: 'next-auth/react', cookies: 'next-auth', flags: [], nobody: {} },
  { name: 'next-auth 5', module: 'next-auth-v5/react', cookies: 'authjs', flags: ['-authjs'], nobody: null },
]

export default async function run() {
  const idp = await startIDP()
  const clients = await Promise.all(versions.map((version) => prepare(version, idp.issuer)))
  idp.serve(clients.flatMap(({ registrations }) => registrations))
  // Side by side: most of the time goes into seconds that the client counts.
  await Promise.all(clients.map(async (client) => {
    await signIn.scenarios(client)
    await session.scenarios(client)
    await Promise.all(client.apps.map((app) => app.stop()))
  }))
  idp.stop()
}

// prepare builds the page with a version of the client and starts the application
// for it, twice: the second one's sessions are short.
async function prepare(version, issuer) {
  const bundle = folder()
  await build({
    entryPoints: [fileURLToPath(new URL('react/app.jsx', import.meta.url))],
    outfile: `${bundle}/app.js`,
    bundle: true,
    jsx: 'automatic',
    logLevel: 'warning',
    alias: version.module === 'next-auth/react' ? {} : { 'next-auth/react': version.module },
    define: { 'process.env': '{}', 'process.env.NODE_ENV': '"production"' },
  })
  const apps = []
  const registrations = []
  for (const flags of [version.flags, [...version.flags, '-max-age', '3s']]) {
    const registration = { client_id: randomUUID(), client_secret: randomUUID() }
    const app = await startGo('e2e/app', [
      '-issuer', issuer, '-client-id', registration.client_id, '-client-secret', registration.client_secret,
      '-bundle', bundle, ...flags,
    ], { ready: /http:\/\/localhost:\d+/ })
    apps.push(app)
    registrations.push({ ...registration, redirect_uris: [app.match[0] + '/api/auth/callback/work'] })
  }
  const [site, shortSite] = apps.map((app) => app.match[0])
  assert.notEqual(site, shortSite)
  return { ...version, apps, registrations, issuer, site, shortSite, origins: [site, shortSite, issuer] }
}
