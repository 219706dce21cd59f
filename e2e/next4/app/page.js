import { getServerSession } from "next-auth/next"
import { authOptions } from "../auth.js"
import Buttons from "./buttons.js"

export default async function Home() {
  const session = await getServerSession(authOptions)
  return (
    <main>
      <p>{session ? `You are ${session.user.name}, ${session.user.email}.` : "You are not signed in."}</p>
      <Buttons />
    </main>
  )
}
