// How the suite reads and uses the React page.

// open shows a React page of an application to a person who is signed out.
export async function open(context, url) {
  const page = await context.newPage()
  await page.goto(url)
  await shows(page, 'unauthenticated')
  return page
}

// shows waits until the page says so.
export function shows(page, status, email) {
  const said = page.locator('#status', { hasText: new RegExp(`^${status}$`) })
  return email ? Promise.all([said.waitFor(), page.locator('#email', { hasText: email }).waitFor()]) : said.waitFor()
}

// type sends a name and a password with the client, which stays on the page.
export function type(page, password) {
  return page.evaluate((password) => auth.signIn('credentials', { redirect: false, name: 'ada', password }), password)
}

// enter signs in with the right password.
export async function enter(page) {
  await type(page, 'engine')
  await shows(page, 'authenticated', 'ada@example.com')
}

// cookie is the value of a cookie that the browser sends to an application.
export async function cookie(context, url, name) {
  return (await context.cookies(url)).find((c) => c.name === name)?.value
}
