// The React page: next-auth's client, unmodified. What the client returns goes
// to the suite through window.auth, what it makes React show stands in the page.
import { useEffect } from 'react'
import { createRoot } from 'react-dom/client'
import { getCsrfToken, getProviders, getSession, SessionProvider, signIn, signOut, useSession } from 'next-auth/react'

const states = []
window.auth = { states, getCsrfToken, getProviders, getSession, signIn, signOut }

function Status({ required }) {
  const { data: session, status, update } = useSession({ required })
  useEffect(() => {
    states.push(status)
  }, [status])
  window.auth.update = update
  return (
    <>
      <p id="status">{status}</p>
      <p id="email">{session?.user?.email}</p>
      <p id="colour">{session?.colour}</p>
      <p id="token">{session?.accessToken}</p>
      <button onClick={() => signIn('work')}>Sign in</button>
      <button onClick={() => signOut()}>Sign out</button>
    </>
  )
}

createRoot(document.getElementById('root')).render(
  <SessionProvider refetchInterval={location.pathname === '/polling' ? 1 : 0}>
    <Status required={location.pathname === '/required'} />
  </SessionProvider>,
)
