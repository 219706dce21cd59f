import { getToken } from "next-auth/jwt"

const gin = process.env.GIN_URL ?? "http://localhost:8080"

export async function GET(request) {
  const secureCookie = process.env.AUTH_URL.startsWith("https:")
  const token = await getToken({ req: request, secret: process.env.AUTH_SECRET, secureCookie, raw: true })
  return fetch(`${gin}/go/me`, { headers: { Authorization: `Bearer ${token}` } })
}
