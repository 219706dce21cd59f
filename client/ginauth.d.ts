// Types of ginauth.js.

export interface Session {
  user: { name?: string | null; email?: string | null; image?: string | null; [key: string]: unknown }
  /** When the session ends unless it is used: ISO 8601. */
  expires: string
  /** A lasting trouble with the session. */
  error?: string
  [key: string]: unknown
}

export interface Provider {
  id: string
  name: string
  type: 'oauth' | 'credentials' | 'email'
  signinUrl: string
  callbackUrl: string
}

export interface SignInOptions {
  /** Where the sign-in leads. Default: this page. */
  callbackUrl?: string
  /** false: stay on this page and resolve to the result; for credentials and e-mail. */
  redirect?: boolean
  /** What was typed. */
  [field: string]: string | boolean | undefined
}

export interface SignInResult {
  ok: boolean
  status: number
  /** A code such as CredentialsSignin, or the application's own text. */
  error: string | null
  url: string | null
}

/** Sets the path of the auth routes, where it is not the one the module was loaded from. */
export function configure(options: { basePath: string }): void

/** The session, or null for nobody. */
export function getSession(): Promise<Session | null>

/** Calls listener with the session now and whenever it changes, here or in another tab. Returns a function that ends it. */
export function onSession(listener: (session: Session | null) => void): () => void

/** Signs in; without a provider, opens the sign-in page. Resolves only with redirect: false. */
export function signIn(provider?: string, options?: SignInOptions, params?: Record<string, string>): Promise<SignInResult>

/** Signs out, in every tab. Resolves only with redirect: false. */
export function signOut(options?: { callbackUrl?: string; redirect?: boolean }): Promise<{ url: string }>

/** Asks the application's JWT callback to change the session. */
export function update(data?: unknown): Promise<Session | null>

/** The ways to sign in, by id, in their order. */
export function getProviders(): Promise<Record<string, Provider>>

/** The token that forms carry as csrfToken. */
export function getCsrfToken(): Promise<string>
