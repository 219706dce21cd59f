// Passkeys on the pages that ginauth serves. Without this script, or in a browser that
// knows no passkeys, the forms below stay hidden and all other ways work.
(() => {
  const here = document.currentScript.src
  const credentials = navigator.credentials
  const RENEW = 8 * 60 * 1000 // the server forgets a challenge after ten minutes
  if (!window.PublicKeyCredential || !credentials) return

  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0))
  const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '')

  // The JSON forms of WebAuthn Level 3, which not all browsers read and write themselves.
  const read = (options) => {
    options.challenge = bytes(options.challenge)
    if (options.user) options.user.id = bytes(options.user.id)
    for (const c of [...options.excludeCredentials ?? [], ...options.allowCredentials ?? []]) c.id = bytes(c.id)
    return options
  }
  const write = (credential) => {
    const response = {}
    for (const name of ['clientDataJSON', 'attestationObject', 'authenticatorData', 'signature', 'userHandle']) {
      if (credential.response[name]) response[name] = text(credential.response[name])
    }
    if (credential.response.getTransports) response.transports = credential.response.getTransports()
    return JSON.stringify({
      id: credential.id, rawId: text(credential.rawId), type: credential.type, response,
      authenticatorAttachment: credential.authenticatorAttachment ?? undefined, clientExtensionResults: {},
    })
  }

  let waiting // the question by autofill, which the one of a button ends

  const ask = async (form, mediation, signal) => {
    const action = form.dataset.passkey
    const answer = await fetch(new URL(`webauthn-options/passkey?action=${action}`, here))
    const { options, url } = await answer.json()
    if (!options && url) return location.assign(url) // to prove who one is first
    const register = action === 'register'
    const credential = await credentials[register ? 'create' : 'get']({ publicKey: read(options), mediation, signal })
    form.elements.data.value = write(credential)
    form.submit()
  }

  const autofill = async (form) => {
    if (!await PublicKeyCredential.isConditionalMediationAvailable?.()) return
    for (;;) {
      waiting = new AbortController()
      const { signal } = waiting
      const timer = setTimeout(() => waiting.abort('renew'), RENEW)
      try {
        return await ask(form, 'conditional', signal)
      } catch {
        if (signal.reason !== 'renew') return
      } finally {
        clearTimeout(timer)
      }
    }
  }

  for (const form of document.querySelectorAll('form[data-passkey]')) {
    const failed = form.querySelector('[role=alert]')
    form.hidden = false
    form.addEventListener('submit', async (event) => {
      event.preventDefault()
      failed.hidden = true
      waiting?.abort('button')
      try {
        await ask(form)
      } catch {
        failed.hidden = false
        if (form.dataset.passkey === 'authenticate') autofill(form)
      }
    })
    if (form.dataset.passkey === 'authenticate' && document.querySelector('input[autocomplete~=webauthn]')) autofill(form)
  }
})()
