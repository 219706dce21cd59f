// Every page and mail in every language of the package texts, as a browser set to it gets
// them: in that language and direction, without a word left in English, and nothing wider
// than the window at 360 px. With SCREENSHOTS=folder it keeps a picture of each. Words
// behind it are the languages to look at: node languages.mjs ja pt.
import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { browser, closeBrowser, count, startGo, within } from './harness.mjs'
import { code } from './factors.mjs'
import { authenticator } from './passkeys.mjs'

const shots = process.env.SCREENSHOTS
if (shots) mkdirSync(shots, { recursive: true })

// The languages, as the package says them itself.
const folder = fileURLToPath(new URL('../texts/', import.meta.url))
const languages = readdirSync(folder).flatMap((file) => {
  const [, lang, dir] = readFileSync(join(folder, file), 'utf8').match(/Lang: +"(.+)",\n\tDir: +"(.+)"/) ?? []
  return lang && !file.endsWith('_test.go') ? [{ lang, dir }] : []
})

// What browsers of a country ask for, where it is another tag than that of the texts.
const locales = { pt: 'pt-BR', 'zh-Hans': 'zh-CN' }

// The words of the applications, of people and of names, which no language changes.
const theirs = new Set(['Name', 'Password', 'Credentials', 'Work', 'Staff card', 'ada', 'Ada Lovelace', 'username', 'password', 'GitHub', 'Google',
  'Chrome · Linux', 'Cancel your subscription first.'])

// The codes that pages explain.
const codes = readFileSync(fileURLToPath(new URL('../texts/german.go', import.meta.url)), 'utf8').match(/^\t\t"\w+"/gm).map((key) => key.trim().replaceAll('"', ''))

// words are all that a page says, in sight or read aloud.
const words = () => {
  const all = [document.title.split(' · ')[0]]
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  while (walker.nextNode()) if (!walker.currentNode.parentElement.closest('script, style, code')) all.push(walker.currentNode.data)
  for (const name of ['placeholder', 'aria-label', 'alt', 'title']) {
    for (const element of document.querySelectorAll(`[${name}]`)) all.push(element.getAttribute(name))
  }
  return all.map((text) => text.trim()).filter((text) => /\p{L}{2}|[^\x00-\x7f]/u.test(text) && !/^\S*(@|localhost)\S*$/.test(text))
}

// Each page of the applications, by name, for a browser that nobody signed in with. look
// is called with each of them.
async function everyPage(context, site, keys, someone, look) {
  const page = await context.newPage()
  const open = (path) => page.goto(path.startsWith('http') ? path : site + path)
  const show = async (name, path) => {
    await open(path)
    await look(page, name)
  }
  const form = async (path, fields, then) => {
    await open(path)
    for (const [name, value] of Object.entries(fields)) await page.fill(`input[name=${name}]:not([type=hidden])`, value)
    await page.keyboard.press('Enter')
    await page.waitForURL(then)
  }
  const submit = async (button, then) => {
    await Promise.all([page.waitForEvent('framenavigated'), page.click(button)])
    await page.waitForURL(then)
  }

  await show('signin', '/api/auth/signin')
  for (const code of codes) await show(`signin-${code}`, `/api/auth/signin?error=${code}`)
  for (const code of codes) await show(`error-${code}`, `/api/auth/error?error=${code}`)
  await open('/many/api/auth/signin')
  await page.click('summary')
  await look(page, 'signin-of-many')
  for (const name of ['form', 'long', 'brand', 'mail', 'code']) await show(`signin-of-${name}`, `/${name}/api/auth/signin`)
  await form('/api/auth/signin', { name: 'ada', password: 'wrong' }, '**/signin?error=CredentialsSignin')
  await look(page, 'signin-typed-wrong')
  await form('/mail/api/auth/signin', { email: 'unknown@' + someone.split('@')[1] }, '**/signin?error=EmailSignin')
  await look(page, 'signin-mail-unsent')

  await show('verify-request', '/api/auth/verify-request')
  for (const name of ['mail', 'code']) {
    await form(`/${name}/api/auth/signin`, { email: someone }, '**/verify-request**')
    await look(page, `sent-of-${name}`)
    await show(`letter-of-${name}`, '/letter')
  }
  await open('/mail/api/auth/verify-request?provider=email&type=email')
  await submit('.further button', '**/verify-request**')
  await look(page, 'sent-again')
  await form('/code/api/auth/verify-request?provider=email&type=email', { code: '000000' }, '**/verify-request?**error=VerificationCode**')
  await look(page, 'sent-code-wrong')
  await show('confirm', '/mail/api/auth/callback/email?token=t&email=' + encodeURIComponent(someone))

  await show('signout', '/api/auth/signout')
  await form('/api/auth/signin?callbackUrl=/refused', { name: 'ada', password: 'engine' }, site + '/refused')
  await look(page, 'refused')
  await show('signout-signed-in', '/api/auth/signout')
  await show('signin-last-used', '/api/auth/signin')

  const person = { name: 'ada', password: 'engine' }
  await form('/person/api/auth/signin?callbackUrl=/person/menu', person, site + '/person/menu')
  await context.clearCookies() // the session that was left is another browser's
  await form('/person/api/auth/signin?callbackUrl=/person/menu', person, site + '/person/menu')
  await look(page, 'menu')
  await show('account', '/person/api/auth/account')
  await page.check('#sure')
  await submit('.danger', '**/account**')
  await look(page, 'account-refused')
  await submit('#sessions ~ .deeds button', '**/account**')

  await secondSteps(page, site, { show, form, submit, look })
  await passkeys(context, page, keys, { show, form, submit, look })
}

// secondSteps are the pages of /factors.
async function secondSteps(page, site, { show, form, submit, look }) {
  const auth = '/factors/api/auth'
  const later = async () => {
    clock += 60
    assert.ok((await page.request.post(`${site}/clock?ahead=${clock}s`)).ok())
  }
  const type = async (text, then) => {
    await page.fill('#code', text)
    await submit('form:has(#code) .primary', then)
  }
  const now = () => code(key, Date.now() + clock * 1000)
  const letter = async (name) => { // mails of changes are sent behind the answer
    let seen = ''
    for (const end = Date.now() + 5000; seen === '' || seen === last; ) {
      assert.ok(Date.now() < end, `no ${name}`)
      seen = await (await page.request.get(site + '/factors/letter')).text()
    }
    last = seen
    await show(name, '/factors/letter')
  }
  let last = ''

  clock += 24 * 3600 // limits forget the last walk
  await later()
  await form(auth + '/signin?callbackUrl=/factors/me', { name: 'grace', password: 'compiler' }, '**/second-factor/code')
  await look(page, 'enrol-required')
  await page.context().clearCookies()
  await form(auth + '/signin?callbackUrl=/factors/me', { name: 'ada', password: 'engine' }, site + '/factors/me')
  await show('factor-mail', '/factors/vault')
  await submit('.submit button', '**')
  await look(page, 'factor-mail-sent')
  await letter('letter-factor')
  await show('second-step-none', auth + '/second-factor/list')
  await submit('.primary', '**/second-factor/add**')
  const key = (await page.textContent('code.key')).trim()
  await look(page, 'enrol')
  await type('000000', '**')
  await look(page, 'enrol-wrong')
  await type(now(), '**')
  await page.locator('ul.codes').waitFor()
  await look(page, 'recovery-codes')
  const recovery = await page.locator('ul.codes code').allTextContents()
  await letter('letter-factor-added')
  await show('second-step', auth + '/second-factor/list')
  await page.context().clearCookies()
  await later()
  await form(auth + '/signin?callbackUrl=/factors/me', { name: 'ada', password: 'engine' }, '**/second-factor/code')
  await look(page, 'second-step-code')
  for (let i = 0; i < 5; i++) await type('000000', '**/second-factor/code**')
  await look(page, 'second-step-wrong')
  await letter('letter-factor-wrong')
  await show('recovery', auth + '/second-factor/recovery')
  await type('none of them', '**')
  await look(page, 'recovery-wrong')
  await type(recovery[0], site + '/factors/me')
  await letter('letter-recovery-used')
  await show('second-step-used', auth + '/second-factor/list')
  await submit('form:nth-of-type(3) button', '**')
  await look(page, 'second-step-removed')
  await letter('letter-factor-removed')
}

let clock = 0 // how many seconds the application's is ahead

// passkeys are the pages of the site with passkeys.
async function passkeys(context, page, site, { show, form, submit, look }) {
  const device = await authenticator(context, page)
  const signIn = async () => {
    await device.presence(false) // it would take up the offer by autofill, as no person does
    await form(site + '/api/auth/signin?callbackUrl=/', { username: 'ada', password: 'difference engine' }, site + '/')
    await device.presence(true)
  }
  await device.presence(false)
  await show('signin-passkey', site + '/api/auth/signin?callbackUrl=/')
  await device.presence(true)
  await signIn()
  await show('factor-none', site + '/vault')
  await show('passkeys-none', site + '/api/auth/passkeys')
  await page.click('form[data-passkey] button')
  await page.locator('.items li').waitFor()
  await look(page, 'passkeys')
  await page.click('form[data-passkey] button') // a device registers once
  await page.locator('form[data-passkey] .alert').waitFor()
  await look(page, 'passkeys-failed')
  await show('account-passkeys', site + '/api/auth/account')
  await page.context().clearCookies()
  await signIn()
  await show('factor-passkey', site + '/vault')
  await page.click('form[data-passkey] button')
  await page.waitForURL(site + '/vault')
  await page.goto(site + '/api/auth/passkeys')
  await look(page, 'passkeys-used')
  await submit('.pair button:last-child', '**/passkeys**')
}

const app = await startGo('e2e/app', ['-issuer', 'http://127.0.0.1:9'], { ready: /http:\/\/localhost:\d+/ })
const keys = await startGo('e2e/passkeys', [], { ready: /(http:\/\/localhost:\d+) is ready/ })

// visit walks through all pages in a language.
async function visit(locale, look) {
  const context = await (await browser()).newContext({ locale, viewport: { width: 360, height: 760 } })
  context.setDefaultTimeout(15000)
  try {
    await within(300, locale, everyPage(context, app.match[0], keys.match[1], `grace.brewster.murray.hopper@naval-research.${locale.toLowerCase()}.example.com`, look))
  } finally {
    await context.close()
  }
}

const english = new Map()
await visit('en-US', async (page, name) => english.set(name, new Set(await page.evaluate(words))))

const chosen = process.argv.slice(2)
for (const { lang, dir } of languages) {
  if (chosen.length && !chosen.includes(lang)) continue
  const faults = []
  const latin = !['ar', 'ja', 'ru', 'zh-Hans'].includes(lang)
  const left = (name, text) => english.get(name)?.has(text) && !theirs.has(text) && !(latin && /^\S+$/.test(text))
  const began = Date.now()
  await visit(locales[lang] ?? lang, async (page, name) => {
    const application = name === 'menu' // a page of its own, with what ginauth writes into it
    const is = await page.evaluate(() => [document.documentElement.lang, document.documentElement.dir].join(' '))
    if (is !== `${lang} ${dir}` && !application) faults.push(`${name} is ${is}`)
    for (const text of await page.evaluate(words)) if (left(name, text) && !application) faults.push(`${name} says ${JSON.stringify(text)}`)
    for (const width of shots ? [1280, 360] : [360]) {
      await page.setViewportSize({ width, height: 760 })
      const beyond = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
      if (beyond > 0) faults.push(`${name} is ${beyond} px too wide for ${width} px`)
      if (shots) await page.screenshot({ path: join(shots, `${lang}-${name}-${width}.png`), fullPage: true })
    }
  }).catch((error) => faults.push(error.stack))
  count[faults.length ? 'failed' : 'passed']++
  console.log(`${faults.length ? 'FAIL ' : 'ok   '} ${lang} (${((Date.now() - began) / 1000).toFixed(1)} s)`)
  for (const fault of faults) console.log(`      ${fault}`)
}
await within(20, 'closing the browser', closeBrowser()).catch((error) => console.log(error.message))
await Promise.all([app.stop(), keys.stop()])
console.log(`${count.passed} languages are complete, ${count.failed} are not`)
process.exit(count.failed || !count.passed ? 1 : 0)
