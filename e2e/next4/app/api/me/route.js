import { getToken } from "next-auth/jwt"

const gin = process.env.GIN_URL ?? "http://localhost:8080"

export async function GET(request) {
  const token = await getToken({ req: request, raw: true })
  return fetch(`${gin}/go/me`, { headers: { Authorization: `Bearer ${token}` } })
}
