// Runs @auth/core's own profile() on answers of services. Each line of the input is
// {id, answer, tokens}; each line of the output {id, user} or {id, error}.
import readline from 'node:readline'
import path from 'node:path'
import fs from 'node:fs'

const modules = path.join(import.meta.dirname, 'node_modules/@auth/core')
const { default: parseProviders } = await import(path.join(modules, 'lib/utils/providers.js'))
globalThis.fetch = async () => new Response(null, { status: 404 }) // a picture of Microsoft's, say

for await (const line of readline.createInterface({ input: process.stdin })) {
  const { id, answer, tokens } = JSON.parse(line)
  const file = path.join(modules, 'providers', id + '.js')
  if (!fs.existsSync(file)) continue
  try {
    const made = (await import(file)).default({ clientId: 'c', clientSecret: 's', issuer: 'https://self.example', baseUrl: 'https://gitlab.com', tenantId: 't' })
    const { provider } = parseProviders({ url: new URL('https://app.example.com/auth'), providerId: made.id, config: { providers: [made], basePath: '/auth', callbacks: {} } })
    const user = await provider.profile(answer, tokens)
    console.log(JSON.stringify({ id, user: { id: String(user.id ?? ''), name: user.name ?? '', email: user.email ?? '', image: user.image ?? '' } }))
  } catch (e) {
    console.log(JSON.stringify({ id, error: e.message }))
  }
}
