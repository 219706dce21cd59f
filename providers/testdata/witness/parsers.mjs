// Reads what ginauth reads, with the parsers of Node.js and npm: jose, cookie and
// URLSearchParams. Each line of the input is one question, each line of the output its
// answer, {found} with null for what the parser refuses.
import readline from 'node:readline'
import { Buffer } from 'node:buffer'
import cookie from 'cookie'
import * as jose from 'jose'

const readers = {
  cookie: ({ header, name }) => cookie.parse(header)[name] ?? null,
  form: ({ body }) => [...new URLSearchParams(body)],
  jwe: async ({ token, key, enc }) => {
    const options = { keyManagementAlgorithms: ['dir'], contentEncryptionAlgorithms: [enc] }
    const { plaintext } = await jose.compactDecrypt(token, Buffer.from(key, 'base64'), options)
    return Buffer.from(plaintext).toString('base64')
  },
  idtoken: async ({ token, keys, issuer, audiences }) => {
    const options = { issuer, audience: audiences, algorithms: ['ES256'], maxTokenAge: 300, requiredClaims: ['sub', 'exp', 'iat', 'nonce'] }
    return (await jose.jwtVerify(token, jose.createLocalJWKSet(keys), options)).payload.sub
  },
}

for await (const line of readline.createInterface({ input: process.stdin })) {
  const question = JSON.parse(line)
  let found = null
  try {
    found = await readers[question.kind](question)
  } catch {} // it refuses
  console.log(JSON.stringify({ found }))
}
