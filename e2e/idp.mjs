// A certified OpenID provider on loopback. It wants PKCE, and tells name and
// e-mail in userinfo alone.
import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import Provider from 'oidc-provider'

const people = {
  ada: { name: 'Ada Lovelace', email: 'ada@example.com' },
  grace: { name: 'Grace Hopper', email: 'grace@example.com' },
}

// startIDP listens at once, so that applications can be started with its issuer;
// serve then takes the clients, whose addresses are known only after that.
export async function startIDP() {
  let answer
  const server = createServer((request, response) => answer(request, response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const issuer = `http://127.0.0.1:${server.address().port}`
  return {
    issuer,
    serve(clients) {
      answer = handler(issuer, clients)
    },
    stop() {
      server.closeAllConnections()
      server.close()
    },
  }
}

function handler(issuer, clients) {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const provider = new Provider(issuer, {
    clients,
    jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), alg: 'RS256', use: 'sig' }] },
    cookies: { keys: [randomUUID()] },
    pkce: { required: () => true },
    claims: { openid: ['sub'], profile: ['name'], email: ['email'] },
    ttl: { Interaction: 600, Grant: 600, Session: 600, AccessToken: 600, AuthorizationCode: 60, IdToken: 600 },
    features: { devInteractions: { enabled: false }, jwtUserinfo: { enabled: true } },
    interactions: { url: (_, interaction) => `/login/${interaction.uid}` },
    findAccount: (_, id) => people[id] && { accountId: id, claims: () => ({ sub: id, ...people[id] }) },
    // Everybody agrees to what the application asks for.
    async loadExistingGrant({ oidc: { client, session } }) {
      const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId })
      grant.addOIDCScope('openid profile email')
      await grant.save()
      return grant
    },
  })
  const serve = provider.callback()
  return (request, response) => (request.url.startsWith('/login/') ? login(provider, request, response) : serve(request, response))
}

// login asks who it is, and takes the answer.
async function login(provider, request, response) {
  if (request.method === 'POST') {
    let body = ''
    for await (const chunk of request) body += chunk
    const who = new URLSearchParams(body).get('who')
    const result = people[who] ? { login: { accountId: who } } : { error: 'access_denied', error_description: 'cancelled' }
    await provider.interactionFinished(request, response, result)
    return
  }
  const buttons = Object.entries(people).map(([id, { name }]) => `<button name="who" value="${id}">${name}</button>`)
  response.setHeader('Content-Type', 'text/html; charset=utf-8')
  response.end(`<!doctype html><html lang="en"><title>Work ID</title><link rel="icon" href="data:,">
<h1>Work ID</h1><form method="post">${buttons.join('')}<button name="who" value="">Cancel</button></form></html>`)
}
