// Runs every suite; the last line counts the scenarios. With a word behind it,
// only the scenarios whose names contain it.
import { closeBrowser, count, within } from './harness.mjs'

for (const suite of ['example', 'script', 'client', 'streams', 'proxies', 'cookies', 'portal', 'htmx', 'react', 'fresh', 'pages', 'factors', 'frames', 'passkeys', 'next']) {
  console.log(`\n${suite}`)
  const { default: run } = await import(`./${suite}.mjs`)
  await run()
}
await within(20, 'closing the browser', closeBrowser()).catch((error) => console.log(error.message))
console.log(`${count.passed} passed, ${count.failed} failed`)
process.exit(count.failed ? 1 : 0)
