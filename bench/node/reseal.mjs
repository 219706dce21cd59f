// next-auth's own decode and encode on a session token from standard input: as a
// Next.js app whose jwt callback writes claims into the token seals it again, once for
// each set of claims. null takes a claim away.
import { readFileSync } from 'node:fs'
import { decode, encode } from 'next-auth/jwt'

const { secret, token, changes } = JSON.parse(readFileSync(0, 'utf8'))

const sealed = []
for (const change of changes) {
  const claims = { ...(await decode({ token, secret })), ...change }
  for (const name in claims) if (claims[name] === null && change[name] === null) delete claims[name]
  sealed.push(await encode({ token: claims, secret }))
}
console.log(JSON.stringify(sealed))
