// Extracts from independent implementations which endpoints they know of each
// service, into ../witness.tsv: service, role, URL, source and its version.
//
//   npm ci && node extract.mjs
//
// Besides the npm packages it reads the Go modules of PocketBase and of
// golang.org/x/oauth2, and two packages of Debian, which it downloads. Only URLs
// are taken.
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import os from 'node:os'

const here = import.meta.dirname
const modules = path.join(here, 'node_modules')
const work = fs.mkdtempSync(path.join(os.tmpdir(), 'witness-'))
const rows = new Set()
const version = (name) => JSON.parse(fs.readFileSync(path.join(modules, name, 'package.json'))).version

// Names of services that differ from ours, without case and punctuation.
const names = {
  42: '42-school', fortytwo: '42-school', amazoncognito: 'cognito', auth0: 'auth0', azuread: 'azure-ad', azureadv2: 'azure-ad',
  bitbucketoauth2: 'bitbucket', clickup: 'click-up', entraid: 'microsoft-entra-id', linkedinoauth2: 'linkedin', linkedinopenidconnect: 'linkedin',
  microsoft: 'microsoft-entra-id', paypaloauth2: 'paypal', quickbooks: 'intuit', salesforceoauth2: 'salesforce', tumblroauth2: 'tumblr',
  twitteroauth2: 'twitter', x: 'twitter', weixin: 'wechat', vkoauth2: 'vk', facebookoauth2: 'facebook', yahoooauth2: 'yahoo', yandexoauth2: 'yandex',
  mailruoauth2: 'mailru', stackoverflow: 'stackexchange', orcidoauth2: 'orcid', digitaloceanoauth: 'digitalocean', zoomoauth2: 'zoom',
}
const ours = fs.readFileSync(path.join(here, 'services.txt'), 'utf8').split(/\s+/).filter(Boolean)
const plain = (name) => name.toLowerCase().replace(/[^a-z0-9]/g, '')
const byPlain = new Map(ours.map((id) => [plain(id), id]))

function add(name, role, url, source) {
  const id = byPlain.get(plain(name)) ?? names[plain(name)]
  if (!id || !/^https?:\/\/[^\s{}%[\]]+/.test(url ?? '')) return
  rows.add([id, role, url.split('?')[0], source].join('\t'))
}

// @auth/core: its factories, called with a made-up client.
async function authjs() {
  const source = `@auth/core ${version('@auth/core')}`
  const options = { clientId: 'c', clientSecret: 's', issuer: 'https://self.example', baseUrl: 'https://self.example', tenantId: 't', apiKey: 'k' }
  const dir = path.join(modules, '@auth/core/providers')
  for (const file of fs.readdirSync(dir).filter((f) => f.endsWith('.js'))) {
    const p = await import(path.join(dir, file)).then((m) => m.default?.(options)).catch(() => null)
    if (!p || p.type === 'email' || p.type === 'credentials') continue
    for (const [role, of] of [['authorization', p.authorization], ['token', p.token], ['userinfo', p.userinfo]]) {
      add(file.slice(0, -3), role, typeof of === 'string' ? of : of?.url, source)
    }
    add(file.slice(0, -3), 'issuer', p.issuer, source)
    // A request function may name its address itself.
    for (const url of String(p.userinfo?.request ?? '').matchAll(/["'`](https:\/\/[^"'`$]+)["'`]/g)) add(file.slice(0, -3), 'userinfo', url[1], source)
  }
}

// Text in which names of variables say what a URL is.
function scan(name, text, source, roles) {
  for (const [pattern, role] of roles) for (const m of text.matchAll(pattern)) add(name, role, m[1], source)
}

const url = `["'\`](https?://[^"'\`\\s]+)["'\`]`
const re = (before) => new RegExp(before + url, 'g')

function betterAuth() {
  const dir = path.join(modules, '@better-auth/core/dist/social-providers')
  for (const file of fs.readdirSync(dir).filter((f) => f.endsWith('.mjs'))) {
    scan(file.slice(0, -4), fs.readFileSync(path.join(dir, file), 'utf8'), `better-auth ${version('better-auth')}`, [
      [re('authorizationEndpoint(?: =|:) (?:isSandbox \\? "[^"]*" : )?'), 'authorization'], [re('tokenEndpoint(?: =|:) (?:isSandbox \\? "[^"]*" : )?'), 'token'],
      [re('(?:betterFetch\\(|[uU]ser[iI]?n?f?o?Endpoint = (?:isSandbox \\? "[^"]*" : )?)'), 'userinfo'], [re(' : '), 'userinfo'],
    ])
  }
}

function arctic() {
  const dir = path.join(modules, 'arctic/dist/providers')
  for (const file of fs.readdirSync(dir).filter((f) => f.endsWith('.js'))) {
    scan(file.slice(0, -3), fs.readFileSync(path.join(dir, file), 'utf8'), `arctic ${version('arctic')}`, [
      [re('authorizationEndpoint = '), 'authorization'], [re('tokenEndpoint = '), 'token'],
    ])
  }
}

function grant() {
  const source = `grant ${version('grant')}`
  const read = (file) => JSON.parse(fs.readFileSync(path.join(modules, 'grant/config', file)))
  for (const [name, c] of Object.entries(read('oauth.json'))) {
    add(name, 'authorization', c.authorize_url, source)
    add(name, 'token', c.access_url, source)
  }
  for (const [name, c] of Object.entries(read('profile.json'))) add(name, 'userinfo', c.profile_url, source)
}

// A module of Go, from the module cache's own archive.
function goModule(module, at) {
  const opts = { cwd: work, env: { ...process.env, GOFLAGS: '-mod=mod', GOTOOLCHAIN: 'local' }, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }
  fs.writeFileSync(path.join(work, 'go.mod'), 'module witness\n')
  let out
  try {
    out = execFileSync('go', ['mod', 'download', '-json', `${module}@${at}`], opts)
  } catch (e) {
    out = e.stdout // a module for a newer Go is downloaded all the same
  }
  const dir = path.join(work, module.replaceAll('/', '_'))
  fs.mkdirSync(dir)
  execFileSync('unzip', ['-q', JSON.parse(out).Zip, '-d', dir])
  return path.join(dir, `${module}@${at}`)
}

function pocketbase() {
  const at = 'v0.40.4'
  const dir = path.join(goModule('github.com/pocketbase/pocketbase', at), 'tools/auth')
  for (const file of fs.readdirSync(dir).filter((f) => f.endsWith('.go') && !f.endsWith('_test.go'))) {
    const name = file === 'lark.go' ? 'feishu' : file.slice(0, -3) // it has that one's hosts
    scan(name, fs.readFileSync(path.join(dir, file), 'utf8'), `pocketbase ${at}`, [
      [re('authURL: *'), 'authorization'], [re('tokenURL: *'), 'token'], [re('userInfoURL: *'), 'userinfo'], [re('client\\.Get\\('), 'userinfo'],
    ])
  }
}

function xoauth2() {
  const at = 'v0.38.0'
  const text = fs.readFileSync(path.join(goModule('golang.org/x/oauth2', at), 'endpoints/endpoints.go'), 'utf8')
  for (const m of text.matchAll(/var (\w+) = oauth2\.Endpoint\{([^}]*)\}/g)) {
    scan(m[1], m[2], `golang.org/x/oauth2 ${at}`, [[re('AuthURL: *'), 'authorization'], [re('TokenURL: *'), 'token']])
  }
}

function debian() {
  const packages = ['python3-django-allauth', 'python3-social-auth-core']
  execFileSync('apt-get', ['download', ...packages], { cwd: work, stdio: 'ignore' })
  for (const name of packages) {
    const file = fs.readdirSync(work).find((f) => f.startsWith(name + '_'))
    execFileSync('dpkg-deb', ['-x', file, '.'], { cwd: work })
    const source = `${name} ${file.split('_')[1]}`
    const root = path.join(work, 'usr/lib/python3/dist-packages')
    if (name.includes('allauth')) {
      const dir = path.join(root, 'allauth/socialaccount/providers')
      for (const service of fs.readdirSync(dir)) {
        const views = path.join(dir, service, 'views.py')
        if (!fs.existsSync(views)) continue
        scan(service, fs.readFileSync(views, 'utf8'), source, [
          [re('authorize_url = '), 'authorization'], [re('access_token_url = '), 'token'], [re('(?:profile|user_info|emails?|identity|user)_url = '), 'userinfo'],
        ])
      }
      continue
    }
    const dir = path.join(root, 'social_core/backends')
    for (const file of fs.readdirSync(dir).filter((f) => f.endsWith('.py'))) {
      const text = fs.readFileSync(path.join(dir, file), 'utf8').replaceAll('\\\n', '').replace(/\(\s*\n\s*(['"]https)/g, '$1')
      scan(file.slice(0, -3), text, source, [
        [re('AUTHORIZATION_URL =\\s*'), 'authorization'], [re('ACCESS_TOKEN_URL =\\s*'), 'token'], [re('(?:USER_DATA_URL =\\s*|get_json\\(?\\s*|url =\\s*)'), 'userinfo'],
      ])
    }
  }
}

await authjs()
betterAuth()
arctic()
grant()
pocketbase()
xoauth2()
debian()
fs.writeFileSync(path.join(here, '..', 'witness.tsv'), [...rows].sort().join('\n') + '\n')
fs.rmSync(work, { recursive: true })
console.log(`${rows.size} rows`)
