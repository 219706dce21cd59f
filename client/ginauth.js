// The browser side of ginauth without a framework: who is signed in, signing in
// and out, and tabs that follow each other. One module, no dependency, no build:
//
//   <script type="module">
//     import { onSession, signIn, signOut } from '/api/auth/client.js'
//   </script>

const CHANNEL = 'nextauth.message' // next-auth/react's own: both can run on one site
const PENDING = 'ginauth.signin' // this tab went away to sign in

let base = '/api/auth' // ginauth serves the module with its own path in this place

let session // undefined: not known yet; null: nobody
let changes = 0 // how often it was another one
let asking // the request for it, while one is under way
let changing = Promise.resolve() // the last sign-in, sign-out or update
const listeners = new Set()

/** Sets the path of the auth routes, for a bundled module where it is not /api/auth. */
export function configure({ basePath }) {
  base = basePath.replace(/\/$/, '')
}

/**
 * The session, or null for nobody. Rejects where the server cannot be asked; who
 * was signed in before then counts on.
 */
export function getSession() {
  if (asking) return asking.answer
  const stop = new AbortController()
  const mine = { stop }
  mine.answer = changing
    .then(() => ask('/session', { signal: stop.signal }))
    .then(set)
    .then(arrived)
    .catch((error) => { if (stop.signal.aborted) return getSession(); throw error })
    .finally(() => { if (asking === mine) asking = undefined })
  asking = mine
  return mine.answer
}

/**
 * Calls listener with the session, soon and whenever it changes, here or in
 * another tab. Returns a function that ends it.
 */
export function onSession(listener) {
  const entry = { listener }
  listeners.add(entry)
  if (session === undefined) getSession().catch(report)
  else queueMicrotask(() => tell(entry))
  return () => { listeners.delete(entry) }
}

/**
 * Signs in. Without a provider it opens the sign-in page. For credentials, e-mail and
 * passkey with redirect: false it resolves to { ok, status, error, url }; else the
 * browser goes on and it does not return. It rejects where no passkey is given.
 */
export async function signIn(provider, { callbackUrl = location.href, redirect = true, ...fields } = {}, params) {
  const providers = provider ? await getProviders() : {}
  callbackUrl = fromHere(callbackUrl)
  if (!Object.hasOwn(providers, provider)) return go(`${base}/signin?${new URLSearchParams({ callbackUrl })}`)
  const { type } = providers[provider]
  const path = (type === 'credentials' || type === 'webauthn' ? '/callback/' : '/signin/') + encodeURIComponent(provider)
  if (type === 'webauthn') Object.assign(fields, await passkey('authenticate'))
  const query = params ? `?${new URLSearchParams(params)}` : ''
  const { url, status, ok } = await change(() => send(path + query, { ...fields, callbackUrl }))
  if (redirect || type === 'oauth') {
    store('sessionStorage', PENDING, '1') // the next page of this tab tells the others
    return go(url)
  }
  // A callback URL may say error itself: a sign-in page that was led to by one.
  const arrival = ok && url.href === new URL(callbackUrl, location.href).href
  const error = arrival ? null : url.searchParams.get('error') ?? (url.searchParams.has('csrf') ? 'csrf' : null)
  const done = ok && !error
  if (done) {
    await getSession().catch(report)
    announce('getSession')
  }
  return { ok: done, status, error, url: error ? null : url.href }
}

/**
 * Adds a passkey for who is signed in. Resolves to { ok, status, error, url }: with the
 * error FactorRequired, url is where they prove first who they are.
 */
export async function registerPasskey({ name } = {}) {
  const fields = await passkey('register')
  if (!fields.data) return { ok: false, ...fields }
  const { url, status, ok } = await send('/callback/passkey', { ...fields, name, callbackUrl: location.href })
  return { ok, status, error: ok ? null : url.searchParams.get('error'), url: url.href }
}

/** Signs out, in every tab. With redirect: false it resolves to { url }. */
export async function signOut({ callbackUrl = location.href, redirect = true } = {}) {
  const url = await change(async () => {
    const { url } = await send('/signout', { callbackUrl: fromHere(callbackUrl) })
    if (url.pathname === `${base}/signout`) {
      if (redirect) return url // the page that asks
      throw new Error('ginauth: the sign-out was refused: its CSRF token or origin is not this site\'s')
    }
    announce('signout')
    if (!redirect) set({})
    return url
  })
  return redirect ? go(url) : { url: url.href }
}

/** Asks the application's JWT callback to change the session. */
export function update(data) {
  return change(async () => {
    const body = JSON.stringify({ csrfToken: await getCsrfToken(), data })
    const changed = await ask('/session', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body })
    announce('getSession')
    return set(changed)
  })
}

/** The ways to sign in, by id: { id, name, type, signinUrl, callbackUrl }. */
export const getProviders = () => ask('/providers')

/** The token that forms carry as csrfToken. */
export const getCsrfToken = async () => (await ask('/csrf')).csrfToken

// Every answer about the session brings its cookie anew. So changes go one after
// another, and a question under way is dropped, to be asked again behind them:
// its late answer would bring the old session back, after a sign-out too.
function change(act) {
  asking?.stop.abort()
  asking = undefined
  const done = changing.then(act)
  changing = done.catch(() => {})
  return done
}

async function ask(path, init) {
  const response = await fetch(base + path, init)
  const body = await response.json().catch(() => {})
  if (response.ok && typeof body === 'object') return body
  throw fault(path, response, body)
}

async function send(path, fields) {
  const csrfToken = await getCsrfToken()
  const form = new URLSearchParams({ csrfToken, json: 'true' })
  for (const [name, value] of Object.entries(fields)) if (value != null && !form.has(name)) form.set(name, value)
  const response = await fetch(base + path, { method: 'POST', body: form })
  const body = await response.json().catch(() => null)
  if (typeof body?.url !== 'string') throw fault(path, response, body)
  return { url: new URL(body.url, location.href), status: response.status, ok: response.ok }
}

// What the person's device answers, as a form's fields; or why it was not asked. Not all
// browsers know WebAuthn's JSON forms.
async function passkey(action) {
  const response = await fetch(`${base}/webauthn-options/passkey?action=${action}`)
  const { options, error, url } = await response.json()
  if (!options && action === 'authenticate') throw fault('/webauthn-options', response)
  if (!options) return { status: response.status, error, url }
  options.challenge = bytes(options.challenge)
  if (options.user) options.user.id = bytes(options.user.id)
  for (const c of options.excludeCredentials ?? []) c.id = bytes(c.id)
  const { id, type, response: said } = await navigator.credentials[options.user ? 'create' : 'get']({ publicKey: options })
  const data = { id, rawId: id, type, response: { transports: said.getTransports?.() }, clientExtensionResults: {} }
  for (const name of ['clientDataJSON', 'attestationObject', 'authenticatorData', 'signature', 'userHandle']) {
    if (said[name]) data.response[name] = base64(said[name])
  }
  return { action, data: JSON.stringify(data) }
}

const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0))
const base64 = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, '-').replace(/\//g, '_').replace(/=/g, '')

const fault = (path, { status }, body) =>
  Object.assign(new Error(`ginauth: ${path}: ${body?.message ?? 'no answer of the auth routes'} (${status})`), { status })

function set(body) {
  const next = body && Object.keys(body).length ? body : null // nobody is {}, and null as Auth.js has it
  const changed = session === undefined || text(next) !== text(session)
  session = next
  if (changed) {
    changes++
    for (const entry of [...listeners]) tell(entry)
  }
  return session
}

// Every answer moves the session's end; that alone is no change.
const text = (s) => s && JSON.stringify({ ...s, expires: 0 })

// A listener hears of each change once, and its fault keeps nothing from the others.
function tell(entry) {
  if (!listeners.has(entry) || entry.told === changes) return
  entry.told = changes
  try {
    entry.listener(session)
  } catch (error) {
    reportError(error)
  }
}

// A storage event comes only for a new value, so each carries a number of its own.
function announce(trigger) {
  store('localStorage', CHANNEL, JSON.stringify({
    event: 'session', data: { trigger }, timestamp: Math.floor(Date.now() / 1000), id: Math.random(),
  }))
}

// After a sign-in elsewhere, the first session of this tab is news to the others.
function arrived(found) {
  if (found && store('sessionStorage', PENDING)) announce('getSession')
  return found
}

// Sets an item, or takes one away and tells what it was. In a browser without
// storage tabs follow when they are looked at.
function store(kind, key, value) {
  try {
    const storage = window[kind]
    if (value) return storage.setItem(key, value)
    const was = storage.getItem(key)
    storage.removeItem(key)
    return was
  } catch {}
}

// A path goes as it is; what is relative to this page, the server could not resolve.
const fromHere = (to) => (to.startsWith('/') ? to : new URL(to, location.href).href)

function go(to) {
  const [here] = location.href.split('#')
  const { href, protocol } = new URL(to, here)
  if (!/^https?:$/.test(protocol)) throw new Error(`ginauth: ${protocol} leads nowhere`)
  location.href = href
  if (href.startsWith(here + '#')) location.reload() // a fragment alone loads nothing
  return new Promise(() => {})
}

const report = (error) => console.error(error)

if (typeof document !== 'undefined') { // else a server renders
  const refresh = () => { if (listeners.size) getSession().catch(report) }
  addEventListener('storage', (e) => { if (e.key === CHANNEL && e.newValue) refresh() })
  addEventListener('pageshow', (e) => { if (e.persisted) refresh() })
  addEventListener('online', refresh)
  document.addEventListener('visibilitychange', () => { if (document.visibilityState === 'visible') refresh() })
}
