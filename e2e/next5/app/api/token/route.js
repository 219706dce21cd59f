import { getToken } from "next-auth/jwt"

export async function GET(request) {
  const secureCookie = process.env.AUTH_URL.startsWith("https:")
  return Response.json(await getToken({ req: request, secret: process.env.AUTH_SECRET, secureCookie }))
}
