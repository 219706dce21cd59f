// Reads a JSON array of cases and prints for each whether @simplewebauthn/server takes it.
import { readFileSync } from 'node:fs'
import { verifyAuthenticationResponse, verifyRegistrationResponse } from '@simplewebauthn/server'

const verdicts = []
for (const c of JSON.parse(readFileSync(0, 'utf8'))) {
  const expected = { expectedChallenge: c.challenge, expectedOrigin: c.origin, expectedRPID: c.rpID, requireUserVerification: true }
  try {
    const response = JSON.parse(c.answer)
    const { verified } = c.credential
      ? await verifyAuthenticationResponse({
        response, ...expected,
        credential: { id: c.credential.id, publicKey: Buffer.from(c.credential.key, 'base64'), counter: c.credential.count },
      })
      : await verifyRegistrationResponse({ response, ...expected })
    verdicts.push(verified ? '' : 'not verified')
  } catch (error) {
    verdicts.push(String(error.message) || 'refused')
  }
}
console.log(JSON.stringify(verdicts))
