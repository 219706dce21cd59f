// next-auth's own getToken on session cookies from standard input: what it reads
// from each, and how long a call takes. The Cookie header is taken apart as Next.js
// does it, with the package that next-auth brings along.
import { readFileSync } from 'node:fs'
import { parse } from 'cookie'
import { getToken } from 'next-auth/jwt'
import { measure } from './measure.mjs'

const { secret, cookies, rounds, milliseconds } = JSON.parse(readFileSync(0, 'utf8'))

async function read(i) {
  const token = await getToken({ req: { headers: {}, cookies: parse(cookies[i]) }, secret, secureCookie: false })
  return token?.sub ?? ''
}

console.log(JSON.stringify(await measure(read, cookies.length, rounds, milliseconds)))
