export default function Members() {
  return <main>Members only.</main>
}
