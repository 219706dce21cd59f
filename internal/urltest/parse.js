// Reads lines of [[url, base], …] and answers each with [[origin, href, user], …]
// as this program's URL parser (WHATWG) has them, or 0 for what it refuses.
const read = ([url, base]) => {
  try { // URL.canParse of Node.js 20 errs beyond Latin-1
    const u = new URL(url, base || undefined)
    return [u.origin, u.href, u.username !== '' || u.password !== '']
  } catch {
    return 0
  }
}
require('node:readline')
  .createInterface({ input: process.stdin })
  .on('line', (line) => process.stdout.write(JSON.stringify(JSON.parse(line).map(read)) + '\n'))
