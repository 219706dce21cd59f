import NextAuth from "next-auth"

export const { auth } = NextAuth({
  providers: [], // Gin has them
  callbacks: {
    authorized: ({ auth }) => auth !== null, // asked by proxy.js
  },
})
