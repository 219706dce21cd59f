// better-auth with its cookie cache: everybody from standard input signs up, and
// getSession reads the cached session from the cookies, without a look at the database.
import { readFileSync } from 'node:fs'
import { betterAuth } from 'better-auth'
import { memoryAdapter } from 'better-auth/adapters/memory'
import { measure } from './measure.mjs'

const { secret, others, people, rounds, milliseconds, altered } = JSON.parse(readFileSync(0, 'utf8'))

const database = { user: [], session: [], account: [], verification: [] }
const auth = betterAuth({
  secret,
  baseURL: 'http://app.example.com',
  database: memoryAdapter(database),
  emailAndPassword: {
    enabled: true,
    // A sign-up is not what is measured.
    password: { hash: async (password) => password, verify: async ({ hash, password }) => hash === password },
  },
  user: { additionalFields: { subject: { type: 'string' }, accessToken: { type: 'string', required: false } } },
  session: { cookieCache: { enabled: true, maxAge: 24 * 60 * 60 } },
  rateLimit: { enabled: false },
  telemetry: { enabled: false },
  logger: { disabled: true },
})

const headers = []
for (const person of people) {
  const answer = await auth.api.signUpEmail({
    body: {
      email: person.Email, password: 'of the benchmark', name: person.Name, image: person.Picture,
      subject: person.Subject, accessToken: person.AccessToken,
    },
    asResponse: true,
  })
  if (!answer.ok) throw new Error(`signing up answers ${answer.status} ${await answer.text()}`)
  const cookies = answer.headers.getSetCookie().map((line) => line.split(';')[0])
  if (!cookies.some((pair) => pair.startsWith('better-auth.session_data='))) throw new Error('there is no cached session')
  headers.push(new Headers({ cookie: others + cookies.join('; ') }))
}
// What is read now comes from the cookies alone.
database.session.length = database.user.length = 0
if (altered) {
  const cookie = headers[0].get('cookie')
  const at = (cookie.indexOf('better-auth.session_data=') + cookie.length) >> 1
  headers[0].set('cookie', cookie.slice(0, at) + (cookie[at] === 'A' ? 'B' : 'A') + cookie.slice(at + 1))
}

async function read(i) {
  const session = await auth.api.getSession({ headers: headers[i] })
  const user = session?.user
  if (user && (user.email !== people[i].Email || (user.accessToken ?? '') !== people[i].AccessToken)) throw new Error('another person was read')
  return user?.subject ?? ''
}

console.log(JSON.stringify(await measure(read, headers.length, rounds, milliseconds)))
