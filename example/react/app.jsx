// The React page of the example: next-auth's own client, unmodified, with a Gin
// server behind it. Built into ../assets/react.js by `npm run build`.
import { createRoot } from 'react-dom/client'
import { SessionProvider, signIn, signOut, useSession } from 'next-auth/react'

function Status() {
  const { data: session, status } = useSession()
  if (status === 'loading') {
    return <p>One moment …</p>
  }
  if (!session) {
    return (
      <>
        <p>You are not signed in.</p>
        <p className="actions"><button className="button" onClick={() => signIn('local')}>Sign in</button></p>
      </>
    )
  }
  return (
    <>
      <p>You are signed in as <strong>{session.user.email}</strong>.</p>
      <p>The page has the provider's access token, <code>{session.accessToken.slice(0, 6)}…</code>, from the callbacks.</p>
      <p className="actions"><button className="button" onClick={() => signOut()}>Sign out</button></p>
    </>
  )
}

createRoot(document.getElementById('root')).render(
  <SessionProvider>
    <Status />
  </SessionProvider>,
)
