import { withAuth } from "next-auth/middleware"

const guard = withAuth({})

export function proxy(request, event) {
  return guard(request, event)
}

export const config = { matcher: ["/members"] }
