import NextAuth from "next-auth"
import Credentials from "next-auth/providers/credentials"
import { people } from "./people.js"

export const { handlers, auth } = NextAuth({
  providers: [
    Credentials({
      credentials: {
        username: { label: "Username" },
        password: { label: "Password", type: "password" },
      },
      authorize({ username, password }) {
        return password === "correct" ? people[username] ?? null : null
      },
    }),
  ],
  callbacks: {
    jwt({ token, user }) {
      if (user) token.groups = user.groups // Gin finds it in Token.Claims
      return token
    },
    authorized: ({ auth }) => auth !== null, // asked by proxy.js
  },
})
