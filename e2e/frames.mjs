// An application in a frame of other sites, with partitioned cookies.
import assert from 'node:assert/strict'
import { scenario, startGo } from './harness.mjs'

export default async function run() {
  const program = await startGo('e2e/framed', [], { ready: /(https:\S+) is shown by (https:\S+) and (https:\S+)/ })
  const [, app, first, second] = program.match
  await scenario('frames: a person signs in below each site apart', { origins: [app, first, second], ignoreHTTPSErrors: true }, async (context) => {
    const shown = async (around) => {
      const page = await context.newPage()
      await page.goto(around)
      return page.frameLocator('iframe')
    }
    const signIn = async (frame, name) => {
      await frame.getByLabel('Name').fill(name)
      await frame.getByLabel('Password').fill('difference engine')
      await frame.getByRole('button', { name: 'Sign in' }).click()
      await frame.locator('#who', { hasText: name }).waitFor()
    }
    await signIn(await shown(first), 'Ada')
    await (await shown(first)).locator('#who', { hasText: 'Ada' }).waitFor()

    const other = await shown(second)
    await other.getByLabel('Name').waitFor() // nobody
    await signIn(other, 'Grace')
    await (await shown(first)).locator('#who', { hasText: 'Ada' }).waitFor()

    const own = await context.newPage()
    await own.goto(app)
    await own.getByLabel('Name').waitFor() // nobody, by itself

    const out = await shown(first)
    await out.locator('#who', { hasText: 'Ada' }).waitFor()
    await out.getByRole('button').click()
    await out.getByLabel('Name').waitFor()
    await (await shown(second)).locator('#who', { hasText: 'Grace' }).waitFor()

    for (const c of await context.cookies()) {
      assert.ok(c.secure && c.sameSite === 'None' && c.partitionKey, `${c.name} is partitioned`)
    }
  })
  await program.stop()
}
