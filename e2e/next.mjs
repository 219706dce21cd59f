// A Next.js app and a Gin API with one sign-in: Next's, then Gin's; with
// next-auth 4, then 5. The folders next4 and next5 hold the app as it is when
// Next signs people in, and in gin what differs when Gin does.
import assert from 'node:assert/strict'
import { cpSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort, run as finish, scenario, start, startGo, wanted } from './harness.mjs'

const here = fileURLToPath(new URL('.', import.meta.url))
const secret = 'one secret for Next and for Gin, which both must have'
const other = 'some other secret, which is as long as the first one is'
const elsewhere = 'http://localhost:9999' // a page that the scenario itself answers
const versions = [
  { name: 'next-auth 4', folder: 'next4', cookie: 'next-auth.session-token', flags: [] },
  { name: 'next-auth 5', folder: 'next5', cookie: 'authjs.session-token', flags: ['-v5'] },
]

export default async function run() {
  await scenario('docs/nextjs.md shows the code that runs here', { origins: [] }, holdGuide)
  await Promise.all(versions.map(async (version) => {
    await tell('Next', version, nextSignsIn(`${version.name}, Next signs in`, version))
    await tell('Gin', version, ginSignsIn(`${version.name}, Gin signs in`))
  }))
}

// holdGuide looks for each piece of the guide's code in the file that it names.
function holdGuide() {
  const docs = join(here, '../docs')
  const guide = readFileSync(join(docs, 'nextjs.md'), 'utf8')
  const pieces = [...guide.matchAll(/(.*)\n+```(?:js|jsx|go)\n([^]*?)```\n/g)]
  assert.ok(pieces.length > 0, 'the guide has code')
  for (const [, before, code] of pieces) {
    const file = before.match(/^\[`[^\]]+\]\(([^)]+)\)/)?.[1]
    assert.ok(file, `no link to a file before:\n${code}`)
    assert.ok(readFileSync(join(docs, file), 'utf8').includes(code), `${file} does not have:\n${code}`)
  }
}

// tell runs stories on one site, each with a Gin of its own behind it.
async function tell(signer, version, stories) {
  const chosen = stories.filter(({ name }) => wanted(name))
  if (chosen.length === 0) return
  const site = await startSite(version, signer)
  const mode = signer === 'Gin' ? ['-signs-in'] : []
  for (const { name, flags = [], key = secret, origins = [], expected, story } of chosen) {
    const gin = await startGo('e2e/beside', ['-addr', site.gin, ...mode, ...version.flags, ...flags], {
      ready: /listening/, env: { ...addresses(site.url), NEXTAUTH_SECRET: key },
    })
    await scenario(name, { origins: [site.url, ...origins], expected }, (context) => story(new Person(context, site.url, version)))
    await gin.stop()
  }
  await site.stop()
}

// addresses are the variables of next-auth 4 and 5 and of ginauth: the site's
// URL is the browser's, for Gin too.
function addresses(url) {
  return { NEXTAUTH_URL: url, AUTH_URL: url, NEXTAUTH_SECRET: secret, AUTH_SECRET: secret, NEXT_TELEMETRY_DISABLED: '1' }
}

// startSite builds the Next.js app in a copy and starts it on a free port. The
// build fixes where its rewrites lead.
async function startSite({ folder }, signer) {
  const app = join(here, folder)
  const copy = join(app, 'build', signer)
  rmSync(copy, { recursive: true, force: true })
  for (const name of ['app', 'public', 'auth.js', 'people.js', 'proxy.js', 'next.config.mjs', 'package.json']) {
    cpSync(join(app, name), join(copy, name), { recursive: true })
  }
  if (signer === 'Gin') {
    rmSync(join(copy, 'app/api/auth'), { recursive: true })
    cpSync(join(app, 'gin'), copy, { recursive: true })
  }
  const [port, ginPort] = [await freePort(), await freePort()]
  const url = `http://localhost:${port}`
  const gin = `127.0.0.1:${ginPort}`
  const next = join(app, 'node_modules/next/dist/bin/next')
  const env = { ...addresses(url), GIN_URL: `http://${gin}` }
  await finish(process.execPath, [next, 'build'], { cwd: copy, env: { ...process.env, ...env }, stdio: ['ignore', 'ignore', 'inherit'] })
  const server = await start(process.execPath, [next, 'start', '-H', '127.0.0.1', '-p', String(port)], {
    cwd: copy, env, ready: /Ready in/,
  })
  return { url, gin, stop: server.stop }
}

// A Person uses a browser.
class Person {
  constructor(context, site, version) {
    Object.assign(this, { context, site, version })
  }

  async open(path) {
    this.page ??= await this.context.newPage()
    return this.page.goto(this.site + path)
  }

  // json is what a page of this path shows.
  async json(path) {
    const answer = await this.open(path)
    return JSON.parse(await answer.text())
  }

  // arrives waits for a page of this path.
  arrives(path) {
    return this.page.waitForURL((url) => url.origin === this.site && url.pathname === path)
  }

  // signIn fills in the form of either side.
  async signIn(username) {
    await this.arrives('/api/auth/signin')
    await this.page.getByLabel('Username').fill(username)
    await this.page.getByLabel('Password').fill('correct')
    await this.page.getByRole('button', { name: /^Sign in/ }).click()
  }

  press(name) {
    return this.page.getByRole('button', { name, exact: true }).click()
  }

  reads(text) {
    return this.page.getByText(text, { exact: true }).waitFor()
  }

  // session is what the browser keeps: cookies by name.
  async session() {
    const cookies = await this.context.cookies(this.site)
    const own = cookies.filter(({ name }) => name.startsWith(this.version.cookie))
    return Object.fromEntries(own.map(({ name, value }) => [name, value]).sort())
  }

  // isNobody holds for what either side guards.
  async isNobody() {
    for (const path of ['/go/me', '/members']) {
      await this.open(path)
      assert.equal(new URL(this.page.url()).pathname, '/api/auth/signin', `${path} of nobody`)
    }
    assert.equal(await this.json('/api/token'), null)
    await this.open('/')
    await this.reads('You are not signed in.')
  }
}

const ada = { name: 'Ada Lovelace', email: 'ada@example.com', groups: ['engineers'] }
const grace = { name: 'Grace Hopper', email: 'grace@example.com', groups: Array.from({ length: 400 }, (_, i) => `group-${i}`) }

// isKnown holds where page, token and guard of Next agree with the API of Gin on
// who is signed in, and Next's server can ask that API too.
async function isKnown(person, { name, email, groups }) {
  for (const path of ['/go/me', '/api/me']) {
    assert.deepEqual(await person.json(path), { name, email, groups }, path)
  }
  await person.open('/')
  await person.reads(`You are ${name}, ${email}.`)
  const token = await person.json('/api/token')
  assert.deepEqual([token.name, token.email, token.groups], [name, email, groups])
  await person.open('/members')
  await person.reads('Members only.')
  return token
}

const refused = /status of 40[13]/ // Chromium reports these in its console

function nextSignsIn(title, version) {
  return [
    {
      name: `${title}: a lifetime of its own and when it began, which Next keeps`,
      flags: ['-update-age', '-1s', '-absolute', '720h'],
      story: (person) => keepsLifetimes(person, version),
    },
    {
      name: `${title}: Gin knows who it is, until sign-out`,
      async story(person) {
        await person.open('/go/me')
        await person.signIn('ada')
        await person.arrives('/go/me')
        await isKnown(person, ada)
        await person.open('/')
        await person.press('Write a note')
        await person.reads('A note by Ada Lovelace.')
        await person.press('Sign out')
        await person.reads('You are not signed in.')
        await person.isNobody()
      },
    },
    {
      name: `${title}: another site's page cannot write to Gin`,
      origins: [elsewhere],
      expected: refused,
      async story(person) {
        await person.open('/go/me')
        await person.signIn('ada')
        await person.arrives('/go/me')
        // Another port is another origin, yet the browser sends the cookies along.
        const form = `<form method="post" action="${person.site}/go/notes"><button>Win a prize</button></form>`
        await person.context.route(elsewhere + '/', (route) => route.fulfill({ contentType: 'text/html', body: form }))
        await person.page.goto(elsewhere + '/')
        const answered = person.page.waitForResponse(person.site + '/go/notes')
        await person.press('Win a prize')
        const answer = await answered
        const { cookie, origin } = await answer.request().allHeaders()
        assert.match(cookie, new RegExp(version.cookie))
        assert.equal(origin, elsewhere)
        assert.equal(answer.status(), 403)
      },
    },
    {
      name: `${title}: a session of several cookies, which each seals again`,
      flags: ['-update-age', '-1s'],
      story: sealsAgain,
    },
    {
      name: `${title}: nobody to a Gin with another secret`,
      key: other,
      expected: refused,
      async story(person) {
        await person.open('/members')
        await person.signIn('ada')
        await person.arrives('/members')
        await person.open('/go/me')
        await person.arrives('/api/auth/signin')
        await person.open('/')
        await person.press('Write a note')
        await person.page.getByText('SessionRequired').waitFor()
        await person.reads('You are Ada Lovelace, ada@example.com.')
      },
    },
  ]
}

function ginSignsIn(title) {
  return [
    {
      name: `${title}: Next knows who it is, until sign-out`,
      async story(person) {
        await person.open('/members')
        await person.signIn('ada')
        await person.arrives('/members')
        const token = await isKnown(person, ada)
        assert.equal(token.accessToken, 'of ada@example.com')
        assert.equal(token.sub, '1')
        await person.open('/')
        await person.press('Write a note')
        await person.reads('A note by Ada Lovelace.')
        await person.press('Sign out')
        await person.reads('You are not signed in.')
        await person.isNobody()
        await person.press('Sign in')
        await person.signIn('ada')
        await person.arrives('/')
        await person.reads('You are Ada Lovelace, ada@example.com.')
      },
    },
    {
      name: `${title}: a session of several cookies, which each seals again`,
      flags: ['-update-age', '-1s'],
      story: sealsAgain,
    },
    {
      name: `${title}: a Gin with another secret signs in nobody for Next`,
      key: other,
      async story(person) {
        await person.open('/go/me')
        await person.signIn('ada')
        await person.arrives('/go/me')
        await person.open('/')
        await person.reads('You are not signed in.')
        assert.equal(await person.json('/api/token'), null)
        await person.open('/members')
        await person.arrives('/api/auth/signin')
      },
    },
  ]
}

// sealsAgain has both sides replace the cookies in turn.
async function sealsAgain(person) {
  await person.open('/members')
  await person.signIn('grace')
  await person.arrives('/members')
  for (const path of ['/go/me', '/api/auth/session']) {
    const before = await person.session()
    await person.open(path)
    const after = await person.session()
    const names = Object.keys(after)
    assert.ok(names.length > 1, `${names} hold a large session`)
    assert.deepEqual(names, names.map((_, i) => `${person.version.cookie}.${i}`))
    for (const name of names) assert.notEqual(after[name], before[name], `${path} seals ${name} again`)
    await isKnown(person, grace)
  }
  await person.open('/')
  await person.press('Sign out')
  await person.reads('You are not signed in.')
  assert.deepEqual(await person.session(), {})
}

// keepsLifetimes has Next open sessions with the claims that only Gin writes, and seal
// them again.
async function keepsLifetimes(person, version) {
  // Gin wrote down when the session began, since next-auth's tokens do not say.
  await person.open('/members')
  await person.signIn('ada')
  await person.arrives('/members')
  assert.equal((await person.json('/api/token')).ginauth_since, undefined)
  await isKnown(person, ada)
  const { ginauth_since: since } = await person.json('/api/token')
  assert.ok(Number.isInteger(since), `it began at ${since}`)
  await sealedByNext(person, { ginauth_since: since })
  await isKnown(person, ada) // and by Gin
  assert.equal((await person.json('/api/token')).ginauth_since, since)

  // Gin signs somebody in with a lifetime that Next knows nothing of.
  await person.context.clearCookies()
  const [name, value] = await signedInByGin(version)
  await person.context.addCookies([{ name, value, url: person.site, httpOnly: true, sameSite: 'Lax' }])
  const lifetime = { maxAge: 3600, absoluteMaxAge: 8 * 3600, browserSession: true }
  const token = await person.json('/api/token')
  assert.deepEqual(token.ginauth_lifetime, lifetime)
  await sealedByNext(person, { ginauth_lifetime: lifetime, ginauth_sid: token.ginauth_sid, auth_time: token.auth_time })
  await person.open('/go/me')
  const [cookie] = (await person.context.cookies(person.site)).filter(({ name }) => name.startsWith(version.cookie))
  assert.equal(cookie.expires, -1, 'the cookie that Gin set again ends with the browser')
  await isKnown(person, ada)
  assert.deepEqual((await person.json('/api/token')).ginauth_lifetime, lifetime)
}

// sealedByNext has Next's session route seal the session, and finds the claims in it.
async function sealedByNext(person, claims) {
  const before = await person.session()
  await person.json('/api/auth/session')
  assert.notDeepEqual(await person.session(), before, 'GET session seals it again')
  const token = await person.json('/api/token')
  for (const [name, value] of Object.entries(claims)) assert.deepEqual(token[name], value, name)
}

// signedInByGin is the session cookie of ada, whom a Gin of the same secret signs in.
async function signedInByGin(version) {
  const url = `http://localhost:${await freePort()}`
  const gin = await startGo('e2e/beside', ['-addr', new URL(url).host.replace('localhost', '127.0.0.1'), '-own-lifetime', ...version.flags], {
    ready: /listening/, env: addresses(url),
  })
  const csrf = await fetch(`${url}/api/auth/csrf`)
  const { csrfToken } = await csrf.json()
  const answer = await fetch(`${url}/api/auth/callback/credentials`, {
    method: 'POST',
    redirect: 'manual',
    headers: { cookie: csrf.headers.getSetCookie().map((line) => line.split(';')[0]).join('; ') },
    body: new URLSearchParams({ csrfToken, username: 'ada', password: 'correct' }),
  })
  await gin.stop()
  const line = answer.headers.getSetCookie().find((line) => line.startsWith(`${version.cookie}=`))
  assert.ok(line, `no session: ${answer.status} ${answer.headers.get('location')}`)
  return line.split(';')[0].split(/=(.*)/s)
}
