// Pages rendered on the server: with forms alone, and with htmx.
import assert from 'node:assert/strict'
import { scenario } from './harness.mjs'
import { startSite } from './site.mjs'

const refused = /status of 401|Response Status Error Code 401/ // Chromium and htmx say so in the console

async function show(context, url) {
  const page = await context.newPage()
  await page.goto(url)
  return page
}

const is = (page, name) => page.locator('#who', { hasText: new RegExp(`^${name}$`) }).waitFor()

// type fills in the sign-in page's form.
async function type(page) {
  await page.waitForURL('**/api/auth/signin?**')
  await page.getByLabel('username').fill('ada')
  await page.getByLabel('password').fill('difference engine')
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
}

export default async function run() {
  const site = await startSite()

  await scenario('forms of a page, without any script', { origins: site.origins, javaScriptEnabled: false }, async (context) => {
    const page = await show(context, site.url + '/forms')
    await page.getByRole('button', { name: 'Sign in with local' }).click()
    await page.waitForURL('**/authorize?**')
    await page.click('text=Grace Hopper')
    await page.waitForURL(site.url + '/forms')
    await is(page, 'Grace Hopper')
    await page.getByRole('button', { name: 'Sign out' }).click()
    await is(page, 'nobody')
    await page.getByLabel('Name').fill('ada')
    await page.getByLabel('Password').fill('difference engine')
    await page.getByRole('button', { name: 'Enter' }).click()
    await is(page, 'Ada Lovelace')
    assert.equal(page.url(), site.url + '/forms')
  })

  await scenario('htmx: signed out to the sign-in page and back, then a guarded POST', { origins: site.origins, expected: refused }, async (context) => {
    const page = await show(context, site.url + '/htmx?p=2')
    await page.getByRole('button', { name: 'Load' }).click()
    await type(page)
    await page.waitForURL(site.url + '/htmx?p=2')
    await is(page, 'Ada Lovelace')
    await page.getByRole('button', { name: 'Load' }).click()
    await page.locator('#out', { hasText: 'Hello, Ada Lovelace' }).waitFor()
    await page.getByLabel('Text').fill('a <b>loom</b>')
    await page.getByRole('button', { name: 'Note' }).click()
    await page.locator('#out', { hasText: 'Ada Lovelace noted a <b>loom</b>' }).waitFor()
  })

  await scenario('htmx: a POST of nobody leads to the sign-in page and back', { origins: site.origins, expected: refused }, async (context) => {
    const page = await show(context, site.url + '/htmx')
    await page.getByLabel('Text').fill('x')
    await page.getByRole('button', { name: 'Note' }).click()
    await type(page)
    await page.waitForURL(site.url + '/htmx')
    await is(page, 'Ada Lovelace')
  })

  await scenario('htmx: a boosted link leads through the sign-in page to its own page', { origins: site.origins, expected: refused }, async (context) => {
    const page = await show(context, site.url + '/htmx')
    await page.getByRole('link', { name: 'My page' }).click()
    await type(page)
    await page.waitForURL(site.url + '/mine/page')
    await is(page, 'Ada Lovelace')
  })

  await scenario('htmx: signing in at a provider and out takes the whole page', { origins: site.origins }, async (context) => {
    const page = await show(context, site.url + '/api/auth/signin?callbackUrl=/htmx') // where to come back to
    await page.goto(site.url + '/htmx')
    await page.getByRole('button', { name: 'Sign in by htmx' }).click()
    await page.waitForURL('**/authorize?**')
    await page.click('text=Grace Hopper')
    await page.waitForURL(site.url + '/htmx')
    await is(page, 'Grace Hopper')
    await page.getByRole('button', { name: 'Sign out by htmx' }).click()
    await is(page, 'nobody')
  })

  await site.stop()
}
