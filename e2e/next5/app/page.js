import { auth } from "../auth.js"
import Buttons from "./buttons.js"

export default async function Home() {
  const session = await auth()
  return (
    <main>
      <p>{session ? `You are ${session.user.name}, ${session.user.email}.` : "You are not signed in."}</p>
      <Buttons />
    </main>
  )
}
