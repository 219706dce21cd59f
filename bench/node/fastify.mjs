// Fastify with @fastify/secure-session: everybody from standard input signs in, and the
// guarded route is called through inject, with the other cookies that a browser sends.
// Without a guard it answers everybody alike: that is what inject and Fastify cost.
import { readFileSync } from 'node:fs'
import fastify from 'fastify'
import secureSession from '@fastify/secure-session'
import { measure } from './measure.mjs'

const { secret, others, people, rounds, milliseconds, guarded, altered } = JSON.parse(readFileSync(0, 'utf8'))

const app = fastify()
await app.register(secureSession, { key: Buffer.from(secret).subarray(0, 32), cookieName: 'session', expiry: 86400, cookie: { path: '/' } })
app.post('/:person', async (request) => {
  for (const [name, value] of Object.entries(people[request.params.person])) request.session.set(name, value)
  return {}
})
app.get('/', async (request, reply) => {
  if (!guarded) return { subject: 'anybody' }
  const { session } = request
  const person = {}
  for (const name of ['Subject', 'Name', 'Email', 'Picture', 'AccessToken']) person[name] = session.get(name)
  if (!person.Subject) return reply.code(401).send({})
  seen = person
  return { subject: person.Subject }
})
let seen // what the session said at the last request

const headers = []
for (const person in people) {
  const answer = await app.inject({ method: 'POST', url: `/${person}` })
  headers.push({ cookie: others + answer.headers['set-cookie'].split(';')[0] })
}
if (altered) headers[0].cookie = alter(headers[0].cookie)

// alter changes one character in the middle of the session.
function alter(cookie) {
  const at = (cookie.lastIndexOf('=') + cookie.length) >> 1
  return cookie.slice(0, at) + (cookie[at] === 'A' ? 'B' : 'A') + cookie.slice(at + 1)
}

async function read(i) {
  const answer = await app.inject({ method: 'GET', url: '/', headers: headers[i] })
  const { subject } = answer.json()
  if (guarded && subject && Object.entries(people[i]).some(([name, value]) => seen[name] !== value)) throw new Error('another person was read')
  return subject ?? ''
}

console.log(JSON.stringify(await measure(read, headers.length, rounds, milliseconds)))
