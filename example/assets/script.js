// The script of the page without a build: ginauth.js and the DOM.
import { getSession, onSession, signIn, signOut, update } from '/api/auth/client.js'

const element = (id) => document.getElementById(id)

onSession((session) => {
  element('who').textContent = session
    ? `You are signed in as ${session.user.email}${session.nickname ? `, called ${session.nickname}` : ''}.`
    : 'You are not signed in.'
  element('nickname').nickname.value = session?.nickname ?? ''
  element('token').textContent = session ? `${session.accessToken.slice(0, 6)}…` : ''
  element('private').hidden = element('out').hidden = !session
  element('in').hidden = !!session
  if (session) watch()
  else unwatch()
})

element('in').onclick = () => signIn('local')
element('out').onclick = () => signOut()

element('nickname').onsubmit = async (event) => {
  event.preventDefault()
  await update({ nickname: event.target.nickname.value })
}

// The clock runs as long as the session: the server ends the stream with it.
let clock

function watch() {
  if (clock) return
  clock = new EventSource('/api/me/clock')
  clock.addEventListener('time', (event) => { element('clock').textContent = event.data })
  clock.onerror = () => {
    if (clock.readyState !== EventSource.CLOSED) return // it connects again by itself
    unwatch()
    getSession() // the session has ended: who is signed in now?
  }
}

function unwatch() {
  clock?.close()
  clock = undefined
  element('clock').textContent = ''
}
