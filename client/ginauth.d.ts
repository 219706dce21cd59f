// Types of ginauth.js. What your callbacks add is declared once:
//
//   declare module 'ginauth' {
//     interface Session { accessToken: string }
//     interface User { role: string }
//   }

export interface User {
  name?: string | null
  email?: string | null
  image?: string | null
  [key: string]: unknown
}

export interface Session {
  user: User
  /** When the session ends unless it is used: ISO 8601. */
  expires: string
  /** A lasting trouble with the session. */
  error?: string
  [key: string]: unknown
}

export interface Provider {
  id: string
  name: string
  type: 'oauth' | 'credentials' | 'email' | 'webauthn'
  signinUrl: string
  callbackUrl: string
}

export interface SignInOptions {
  /** Where the sign-in leads. Default: this page. */
  callbackUrl?: string
  /** false: stay on this page and resolve to the result; for credentials, e-mail and passkey. */
  redirect?: boolean
  /** What was typed. */
  [field: string]: string | boolean | null | undefined
}

export interface SignInResult {
  ok: boolean
  status: number
  /** A code such as CredentialsSignin, or the application's own text. */
  error: string | null
  url: string | null
}

/** Sets the path of the auth routes, for a bundled module where it is not /api/auth. */
export function configure(options: { basePath: string }): void

/**
 * The session, or null for nobody. Rejects where the server cannot be asked, with
 * the answer's status if there was one; who was signed in before then counts on.
 */
export function getSession(): Promise<Session | null>

/** Calls listener with the session, soon and whenever it changes, here or in another tab. Returns a function that ends it. */
export function onSession(listener: (session: Session | null) => void): () => void

/**
 * Signs in; without a provider, or with an unknown one, opens the sign-in page.
 * Resolves only with redirect: false. params are further parameters for the
 * provider, such as login_hint.
 */
export function signIn(
  provider?: string, options?: SignInOptions, params?: Record<string, string> | URLSearchParams | string,
): Promise<SignInResult>

/**
 * Adds a passkey for who is signed in. error is FactorRequired where they have to prove
 * first who they are: url then leads to the page for that. Rejects with the browser's
 * DOMException where the device makes none.
 */
export function registerPasskey(options?: { name?: string }): Promise<SignInResult>

/** Signs out, in every tab. Resolves only with redirect: false; rejects if the session goes on. */
export function signOut(options?: { callbackUrl?: string; redirect?: boolean }): Promise<{ url: string }>

/** Asks the application's JWT callback to change the session. data is sent as JSON. */
export function update(data?: unknown): Promise<Session | null>

/** The ways to sign in, by id, in their order. */
export function getProviders(): Promise<Record<string, Provider>>

/** The token that forms carry as csrfToken. */
export function getCsrfToken(): Promise<string>
