// An Express 5 application with one endpoint, which says who is signed in, read in
// the way that its argument names. The Gin applications beside it answer the same.
import { createRequire } from "node:module"
import express from "express"

const require = createRequire(import.meta.url)
const secret = process.env.BENCH_SECRET

const readers = {
  // Nobody is asked for a session.
  open: async () => {
    const person = JSON.parse(process.env.BENCH_ANSWER)
    return () => person
  },
  // next-auth 4 reads a token from what cookie-parser makes of the header.
  getToken: async (app) => {
    app.use(require("cookie-parser")())
    const { getToken } = require("next-auth/jwt")
    return async (req) => {
      const token = await getToken({ req, secret })
      return token && { name: token.name, email: token.email, image: token.picture }
    }
  },
  // Auth.js for Express, with sessions in the cookie.
  getSession: async () => {
    const { getSession } = await import("@auth/express")
    const config = {
      providers: [],
      secret,
      trustHost: true,
      basePath: "/auth",
      session: { strategy: "jwt" },
      logger: { error() {} }, // the broken cookie is meant
    }
    return async (req) => {
      const session = await getSession(req, config)
      return session && { name: session.user.name, email: session.user.email, image: session.user.image }
    }
  },
}

const app = express()
const read = await readers[process.argv[2]](app)
app.get("/", async (req, res) => {
  const person = await read(req)
  res.status(person ? 200 : 401).json(person)
})
const server = app.listen(0, "127.0.0.1", () => console.log(`listening on 127.0.0.1:${server.address().port}`))
process.stdin.on("end", () => process.exit()).resume() // the program that started this has ended
