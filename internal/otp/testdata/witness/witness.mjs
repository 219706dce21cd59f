// Says of one-time passwords and QR codes what otplib and jsQR make of them. It reads a
// JSON object and writes one.
import { readFileSync } from 'node:fs'
import jsQR from 'jsqr'
import { generateSync, verifySync } from 'otplib'
import { parse } from '@otplib/uri'

const { codes, pictures } = JSON.parse(readFileSync(0, 'utf8'))

// read draws the runs of a path, four pixels to a module, and reads what is drawn.
function read({ size, path }) {
  const scale = 4, side = size * scale
  const pixels = new Uint8ClampedArray(side * side * 4).fill(255)
  for (const [, x, y, run] of path.matchAll(/M(\d+) (\d+)h(\d+)v1h-\d+z/g)) {
    for (let row = y * scale; row < (+y + 1) * scale; row++) {
      for (let column = x * scale; column < (+x + +run) * scale; column++) {
        pixels.fill(0, (row * side + column) * 4, (row * side + column) * 4 + 3)
      }
    }
  }
  const found = jsQR(pixels, side, side)
  return found ? { text: found.data, ...parse(found.data) } : null
}

console.log(JSON.stringify({
  codes: codes.map(({ secret, at, code }) => ({
    code: generateSync({ secret, epoch: at }),
    valid: verifySync({ secret, token: code, epoch: at }).valid,
  })),
  pictures: pictures.map(read),
}))
