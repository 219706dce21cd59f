import { getToken } from "next-auth/jwt"

export async function GET(request) {
  return Response.json(await getToken({ req: request }))
}
