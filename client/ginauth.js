// The browser side of ginauth without a framework: who is signed in, signing in
// and out, and tabs that follow each other. One module, no dependency, no build:
//
//   <script type="module">
//     import { onSession, signIn, signOut } from '/api/auth/client.js'
//   </script>

const CHANNEL = 'nextauth.message' // next-auth/react's own: both can run on one site
const PENDING = 'ginauth.signin' // this tab went away to sign in

// Served by ginauth, the module lies beside the other routes.
let base = import.meta.url.includes('/client.js') ? new URL('.', import.meta.url).pathname.slice(0, -1) : '/api/auth'

let session // undefined: not asked yet; null: nobody
let asking // the request for it, while one is under way
const listeners = new Set()

/** Sets the path of the auth routes, where it is not the one the module was loaded from. */
export function configure({ basePath }) {
  base = basePath.replace(/\/$/, '')
}

async function ask(path, init) {
  const response = await fetch(base + path, { credentials: 'same-origin', ...init })
  const body = await response.json()
  if (!response.ok) throw Object.assign(new Error(body.message ?? `${path}: ${response.status}`), { status: response.status, body })
  return body
}

async function send(path, fields) {
  const csrfToken = await getCsrfToken()
  const response = await fetch(base + path, {
    method: 'POST',
    credentials: 'same-origin',
    body: new URLSearchParams({ ...fields, csrfToken, json: 'true' }),
  })
  const { url } = await response.json()
  return { url: new URL(url, location.href), status: response.status, ok: response.ok }
}

/** The session, or null for nobody. */
export function getSession() {
  asking ??= ask('/session')
    .then(set)
    .then(arrived)
    .finally(() => { asking = undefined })
  return asking
}

/**
 * Calls listener with the session now and whenever it changes, here or in
 * another tab. Returns a function that ends it.
 */
export function onSession(listener) {
  listeners.add(listener)
  if (session !== undefined) listener(session)
  else getSession().catch(report)
  return () => listeners.delete(listener)
}

/**
 * Signs in. Without a provider it opens the sign-in page. For credentials with
 * redirect: false it resolves to { ok, status, error, url }; else the browser
 * goes on and it does not return.
 */
export async function signIn(provider, { callbackUrl = location.href, redirect = true, ...fields } = {}, params) {
  const known = provider && (await getProviders())[provider]
  if (!known) return go(`${base}/signin?${new URLSearchParams({ callbackUrl })}`)
  const path = known.type === 'credentials' ? '/callback/' : '/signin/'
  const query = params ? `?${new URLSearchParams(params)}` : ''
  store('sessionStorage', PENDING, '1') // the next page of this tab tells the others
  const { url, status, ok } = await send(path + encodeURIComponent(provider) + query, { ...fields, callbackUrl })
  if (redirect || known.type === 'oauth') return go(url)
  const error = url.searchParams.get('error') ?? (url.searchParams.has('csrf') ? 'csrf' : null)
  if (ok && !error) await getSession() // which tells the others
  return { ok: ok && !error, status, error, url: error ? null : url.href }
}

/** Signs out, in every tab. With redirect: false it resolves to { url }. */
export async function signOut({ callbackUrl = location.href, redirect = true } = {}) {
  const { url } = await send('/signout', { callbackUrl })
  announce('signout')
  if (redirect) return go(url)
  await getSession()
  return { url: url.href }
}

/** Asks the application's JWT callback to change the session. */
export async function update(data) {
  const body = JSON.stringify({ csrfToken: await getCsrfToken(), data })
  const changed = await ask('/session', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body })
  announce('getSession')
  return set(changed)
}

/** The ways to sign in, by id: { id, name, type, signinUrl, callbackUrl }. */
export const getProviders = () => ask('/providers')

/** The token that forms carry as csrfToken. */
export const getCsrfToken = async () => (await ask('/csrf')).csrfToken

function set(body) {
  const next = body && Object.keys(body).length ? body : null
  const changed = session === undefined || JSON.stringify(without(next)) !== JSON.stringify(without(session))
  session = next
  if (changed) for (const listener of listeners) listener(session)
  return session
}

// Every answer moves the session's end; that alone is no change.
const without = (s) => s && { ...s, expires: undefined }

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

// Sets an item, or takes one away and tells whether it was there. In a browser
// without storage tabs follow when they are looked at.
function store(kind, key, value) {
  try {
    const storage = window[kind]
    if (value) return storage.setItem(key, value)
    const was = storage.getItem(key)
    storage.removeItem(key)
    return was
  } catch {}
}

function go(url) {
  const here = location.href
  location.href = url
  if (new URL(url, here).hash) location.reload() // a fragment alone loads nothing
  return new Promise(() => {})
}

const report = (error) => console.error('ginauth:', error)

const refresh = () => { if (listeners.size) getSession().catch(report) }
addEventListener('storage', (e) => { if (e.key === CHANNEL && e.newValue) refresh() })
addEventListener('pageshow', (e) => { if (e.persisted) refresh() })
document.addEventListener('visibilitychange', () => { if (document.visibilityState === 'visible') refresh() })
