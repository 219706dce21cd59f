"use client"
import { signIn, signOut } from "next-auth/react"
import { useState } from "react"

export default function Buttons() {
  const [answer, setAnswer] = useState("")
  async function write() {
    const response = await fetch("/go/notes", { method: "POST" })
    setAnswer(await response.text())
  }
  return (
    <>
      <button onClick={() => signIn()}>Sign in</button>
      <button onClick={() => signOut()}>Sign out</button>
      <button onClick={write}>Write a note</button>
      <output>{answer}</output>
    </>
  )
}
