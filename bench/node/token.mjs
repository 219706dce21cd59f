// next-auth's own getToken on session cookies from standard input: what it reads
// from each, and how long a call takes. The Cookie header is taken apart as Next.js
// does it, with the package that next-auth brings along.
import { readFileSync } from 'node:fs'
import { parse } from 'cookie'
import { getToken } from 'next-auth/jwt'

const { secret, cookies, rounds, milliseconds } = JSON.parse(readFileSync(0, 'utf8'))

const read = (header) => getToken({ req: { headers: {}, cookies: parse(header) }, secret, secureCookie: false })

const subjects = []
for (const header of cookies) subjects.push((await read(header))?.sub ?? '')

let next = 0

// run is how long n calls take, in nanoseconds.
async function run(n) {
  const begun = process.hrtime.bigint()
  for (let i = 0; i < n; i++) {
    const token = await read(cookies[next])
    if (token?.sub !== subjects[next]) throw new Error(`read ${token?.sub}, want ${subjects[next]}`)
    next = (next + 1) % cookies.length
  }
  return Number(process.hrtime.bigint() - begun)
}

const times = []
if (rounds > 0) {
  let count = 1
  if (milliseconds >= 10) for (let took = 0; took < 2e9; ) took += await run(500) // until the compiler is done with it
  while ((await run(count)) < (milliseconds * 1e6) / 2) count *= 2
  for (let i = 0; i < rounds; i++) times.push((await run(count)) / count)
  times.sort((a, b) => a - b)
}
console.log(JSON.stringify({ subjects, nanoseconds: times[times.length >> 1] ?? 0 }))
