package tests

import (
	"net/url"
	"testing"
	"time"

	"github.com/ginauth/ginauth/internal/otp"
)

// withApp has Ada set an app up, in another browser than hers.
func withApp(t *testing.T, a *cutFactorApp) *authenticator { return a.enrols(t, a.browser(t)) }

// inSession has Ada set an app up in her browser, and stay signed in there.
func inSession(t *testing.T, a *cutFactorApp) *authenticator {
	phone := a.enrols(t, a.b)
	a.b.gives("confirm", phone.code(a.factorApp))
	a.clock.move(otp.Period)
	return phone
}

func typesPassword(t *testing.T, a *cutFactorApp) func() answer {
	withApp(t, a)
	return a.asks("/api/auth/callback/credentials", url.Values{"username": {adaReads}, "password": {adaTypes}})
}

func givesCode(t *testing.T, a *cutFactorApp) func() answer {
	phone := withApp(t, a)
	a.waits(t, a.b)
	return a.asks(codeURL, url.Values{"code": {phone.code(a.factorApp)}, "trust": {"true"}})
}

func opensPage(t *testing.T, a *cutFactorApp) func() answer {
	withApp(t, a)
	a.waits(t, a.b)
	return func() answer { return a.b.get(codeURL) }
}

func setsUpInSession(t *testing.T, a *cutFactorApp) func() answer {
	a.b.types(adaReads, adaTypes)
	phone, action, fields := scan(t, a.b.get("/api/auth/second-factor/add"))
	fields.Set("code", phone.code(a.factorApp))
	return a.asks(action, fields)
}

func confirms(t *testing.T, a *cutFactorApp) func() answer {
	phone := inSession(t, a)
	return a.asks("/api/auth/second-factor/confirm", url.Values{"code": {phone.code(a.factorApp)}})
}

func secondCuts() []secondCut {
	return []secondCut{
		{"types a password", typesPassword, `
200 code
GetUser: 500 Callback, the user and account; 200 code
ListAccounts: 500 Callback, the user and account; 200 code
RevokedAt: 503 SessionUnavailable, keeping the session; 200 code
GetFactors: 503 SessionUnavailable, the second factor; 200 code
`},
		{"gives a code", givesCode, `
200 signed in
GetFactors: 503 SessionUnavailable, the second factor; 200 signed in
RevokedAt: 503 SessionUnavailable, the second factor; 200 signed in
GetFactors: 503 SessionUnavailable, the second factor; 200 signed in
UpdateFactors: 503 SessionUnavailable, the second factor; 200 signed in
GetUser: 500 Callback, the user and account; 401 FactorExpired
GetUser: 500 Callback, the user and account; 401 FactorExpired
ListAccounts: 500 Callback, the user and account; 401 FactorExpired
`},
		{"gives a recovery code", func(t *testing.T, a *cutFactorApp) func() answer {
			phone := withApp(t, a)
			a.waits(t, a.b)
			return a.asks("/api/auth/second-factor/recovery", url.Values{"code": {phone.recovery[0]}})
		}, `
200 signed in
GetFactors: 503 SessionUnavailable, the second factor; 200 signed in
RevokedAt: 503 SessionUnavailable, the second factor; 200 signed in
GetFactors: 503 SessionUnavailable, the second factor; 200 signed in
UpdateFactors: 503 SessionUnavailable, the second factor; 200 signed in
GetUser: 200 signed in, logged; 401 FactorExpired
GetUser: 500 Callback, the user and account; 401 FactorExpired
GetUser: 500 Callback, the user and account; 401 FactorExpired
ListAccounts: 500 Callback, the user and account; 401 FactorExpired
`},
		{"opens the page", opensPage, `
200
GetFactors: 302 SessionUnavailable, the second factor; 200
RevokedAt: 302 SessionUnavailable, the second factor; 200
`},
		{"comes from a provider that links", func(t *testing.T, a *cutFactorApp) func() answer {
			withApp(t, a)
			callback := as(t, a.idp, a.b.begin("first", "/after"), "ada").String()
			return func() answer { return a.b.get(callback) }
		}, `
302 code
GetUserByAccount: 302 Callback, looking up the user; 302 OAuthCallback
GetUserByEmail: 302 Callback, the user and account; 302 OAuthCallback
GetUserByAccount: 302 Callback, the user and account; 302 OAuthCallback
GetFactors: 302 Callback, the user and account; 302 OAuthCallback
RevokedAt: 302 SessionUnavailable, keeping the session; 302 OAuthCallback
`},
		{"gives the code that links", func(t *testing.T, a *cutFactorApp) func() answer {
			phone := withApp(t, a)
			a.b.signInAt(a.idp, "first", "ada")
			return a.asks(codeURL, url.Values{"code": {phone.code(a.factorApp)}})
		}, `
200 signed in
GetFactors: 503 SessionUnavailable, the second factor; 200 signed in
RevokedAt: 503 SessionUnavailable, the second factor; 200 signed in
GetFactors: 503 SessionUnavailable, the second factor; 200 signed in
UpdateFactors: 503 SessionUnavailable, the second factor; 200 signed in
GetUser: 200 Callback, the user and account; 401 FactorExpired
LinkAccount: 200 Callback, the user and account; 401 FactorExpired
GetUser: 200 Callback, the user and account; 401 FactorExpired
GetUser: 200 Callback, the user and account; 401 FactorExpired
ListAccounts: 200 Callback, the user and account; 401 FactorExpired
`},
		{"proves their address", func(t *testing.T, a *cutFactorApp) func() answer {
			withApp(t, a)
			a.proves(t, a.ada, time.Time{})
			action, fields := onlyForm(t, a.b.get(a.asksFor(t, a.b, adaReads)).body)
			return a.asks(action, fields)
		}, `
200 code
UseVerificationToken: 500 Callback, checking the link; 200 code
GetUserByEmail: 500 Callback, keeping the user; 200 Verification
ListAccounts: 500 Callback, keeping the user; 200 Verification
GetFactors: 500 Callback, keeping the user; 200 Verification
RevokedAt: 503 SessionUnavailable, keeping the session; 200 Verification
`},
		{"gives the code that proves their address", func(t *testing.T, a *cutFactorApp) func() answer {
			phone := withApp(t, a)
			a.proves(t, a.ada, time.Time{})
			a.mails(t, a.b, adaReads)
			return a.asks(codeURL, url.Values{"code": {phone.code(a.factorApp)}})
		}, `
200 signed in
GetFactors: 503 SessionUnavailable, the second factor; 200 signed in
RevokedAt: 503 SessionUnavailable, the second factor; 200 signed in
GetFactors: 503 SessionUnavailable, the second factor; 200 signed in
UpdateFactors: 503 SessionUnavailable, the second factor; 200 signed in
GetUser: 200 Callback, the user and account; 401 FactorExpired
ListAccounts: 200 Callback, the user and account; 401 FactorExpired
ListAccounts: 200 Callback, the user and account; 401 FactorExpired
UnlinkAccount: 200 Callback, the user and account; 401 FactorExpired
UpdateUser: 200 Callback, the user and account; 401 FactorExpired
ListAccounts: 200 Callback, the user and account; 401 FactorExpired
RevokedAt: 200 Callback, the user and account; 401 FactorExpired
Revoke: 200 Callback, the user and account; 401 FactorExpired
GetFactors: 200 Callback, the user and account; 401 FactorExpired
GetFactors: 200 Callback, the user and account; 401 FactorExpired
UpdateFactors: 200 Callback, the user and account; 401 FactorExpired
ListAccounts: 200 Callback, the user and account; 401 FactorExpired
RevokedAt: 503 SessionUnavailable, keeping the session; 401 FactorExpired
RevokedAt: 503 SessionUnavailable, keeping the session; 401 FactorExpired
GetUser: 200 Callback, the user and account; 401 FactorExpired
ListAccounts: 200 Callback, the user and account; 401 FactorExpired
`},
		{"gives the code behind a first password", func(t *testing.T, a *cutFactorApp) func() answer {
			phone := withApp(t, a)
			must(t, a.users.UnlinkAccount(t.Context(), a.ada, "credentials", a.ada, true))
			a.proves(t, a.ada, time.Time{})
			a.waits(t, a.b)
			return a.asks(codeURL, url.Values{"code": {phone.code(a.factorApp)}})
		}, `
200 signed in
GetFactors: 503 SessionUnavailable, the second factor; 200 signed in
RevokedAt: 503 SessionUnavailable, the second factor; 200 signed in
GetFactors: 503 SessionUnavailable, the second factor; 200 signed in
UpdateFactors: 503 SessionUnavailable, the second factor; 200 signed in
GetUser: 500 Callback, the user and account; 401 FactorExpired
GetUser: 500 Callback, the user and account; 401 FactorExpired
ListAccounts: 500 Callback, the user and account; 401 FactorExpired
LinkAccount: 500 Callback, the user and account; 401 FactorExpired
GetUser: 500 Callback, the user and account; 401 FactorExpired
GetUser: 500 Callback, the user and account; 401 FactorExpired
ListAccounts: 500 Callback, the user and account; 401 FactorExpired
`},
		{"gives the code for the application", func(t *testing.T, a *cutFactorApp) func() answer {
			phone := withApp(t, a)
			a.b.post("/app", nil)
			return a.asks(codeURL, url.Values{"code": {phone.code(a.factorApp)}})
		}, `
200 signed in
GetFactors: 503 SessionUnavailable, the second factor; 200 signed in
RevokedAt: 503 SessionUnavailable, the second factor; 200 signed in
GetFactors: 503 SessionUnavailable, the second factor; 200 signed in
UpdateFactors: 503 SessionUnavailable, the second factor; 200 signed in
GetUser: 503 SessionUnavailable, the user and account; 401 FactorExpired
GetUser: 503 SessionUnavailable, the user and account; 401 FactorExpired
`},
		{"is shown a key at sign-in", func(t *testing.T, a *cutFactorApp) func() answer {
			a.required = true
			a.waits(t, a.b)
			return func() answer { return a.b.get(codeURL) }
		}, `
200
GetFactors: 302 SessionUnavailable, the second factor; 200
RevokedAt: 302 SessionUnavailable, the second factor; 200
GetUser: 302 SessionUnavailable, the second factor; 200
`},
		{"sets an app up at sign-in", func(t *testing.T, a *cutFactorApp) func() answer {
			a.required = true
			a.waits(t, a.b)
			phone, action, fields := scan(t, a.b.get(codeURL))
			fields.Set("code", phone.code(a.factorApp))
			fields.Set("trust", "true")
			return a.asks(action, fields)
		}, `
200 signed in
GetFactors: 503 SessionUnavailable, the second factor; 200 signed in
RevokedAt: 503 SessionUnavailable, the second factor; 200 signed in
GetFactors: 503 SessionUnavailable, the second factor; 200 signed in
UpdateFactors: 503 SessionUnavailable, the second factor; 200 signed in
GetUser: 500 Callback, the user and account; 401 FactorExpired
GetUser: 500 Callback, the user and account; 401 FactorExpired
ListAccounts: 500 Callback, the user and account; 401 FactorExpired
GetUser: 200 signed in, logged; 401 FactorExpired
`},
		{"opens the list", func(t *testing.T, a *cutFactorApp) func() answer {
			inSession(t, a)
			return func() answer { return a.b.get("/api/auth/second-factor/list") }
		}, `
200
RevokedAt: 302 SessionUnavailable, the second factor; 200
GetUser: 302 SessionUnavailable, the second factor; 200
GetFactors: 302 SessionUnavailable, the second factor; 200
`},
		{"is shown a key", func(t *testing.T, a *cutFactorApp) func() answer {
			a.b.types(adaReads, adaTypes)
			return func() answer { return a.b.get("/api/auth/second-factor/add") }
		}, `
200
RevokedAt: 302 SessionUnavailable, the second factor; 200
GetUser: 302 SessionUnavailable, the second factor; 200
GetFactors: 302 SessionUnavailable, the second factor; 200
GetUser: 302 SessionUnavailable, the second factor; 200
`},
		{"sets an app up", setsUpInSession, `
200 signed in
RevokedAt: 503 SessionUnavailable, the second factor; 200 signed in
GetUser: 503 SessionUnavailable, the second factor; 200 signed in
GetFactors: 503 SessionUnavailable, the second factor; 200 signed in
GetFactors: 503 SessionUnavailable, the second factor; 200 signed in
UpdateFactors: 503 SessionUnavailable, the second factor; 200 signed in
RevokedAt: 503 SessionUnavailable, the second factor; 200 signed in
GetUser: 200 signed in, logged; 200 signed in
RevokedAt: 200, quietly; 200 signed in
RevokedAt: 200, quietly; 200 signed in
`},
		{"confirms", confirms, `
200 signed in
RevokedAt: 503 SessionUnavailable, the second factor; 200 signed in
GetUser: 503 SessionUnavailable, the second factor; 200 signed in
GetFactors: 503 SessionUnavailable, the second factor; 200 signed in
GetFactors: 503 SessionUnavailable, the second factor; 200 signed in
UpdateFactors: 503 SessionUnavailable, the second factor; 200 signed in
RevokedAt: 200, quietly; 401 FactorCode
RevokedAt: 200, quietly; 401 FactorCode
`},
		{"asks for new codes", func(t *testing.T, a *cutFactorApp) func() answer {
			inSession(t, a)
			return a.asks("/api/auth/second-factor/codes", nil)
		}, `
200 list
RevokedAt: 503 SessionUnavailable, the second factor; 200 list
GetUser: 503 SessionUnavailable, the second factor; 200 list
GetFactors: 503 SessionUnavailable, the second factor; 200 list
GetFactors: 503 SessionUnavailable, the second factor; 200 list
UpdateFactors: 503 SessionUnavailable, the second factor; 200 list
RevokedAt: 503 SessionUnavailable, the second factor; 200 list
GetUser: 200 list, logged; 200 list
`},
		{"removes the app", func(t *testing.T, a *cutFactorApp) func() answer {
			inSession(t, a)
			return a.asks("/api/auth/second-factor/remove", nil)
		}, `
200 list
RevokedAt: 503 SessionUnavailable, the second factor; 200 list
GetUser: 503 SessionUnavailable, the second factor; 200 list
GetFactors: 503 SessionUnavailable, the second factor; 200 list
GetFactors: 503 SessionUnavailable, the second factor; 200 list
UpdateFactors: 503 SessionUnavailable, the second factor; 200 list
RevokedAt: 503 SessionUnavailable, the second factor; 200 list
GetUser: 200 list, logged; 200 list
`},
	}
}

func storedSecondCuts() []secondCut {
	return []secondCut{
		{"types a password", typesPassword, `
200 code
GetUser: 500 Callback, the user and account; 200 code
ListAccounts: 500 Callback, the user and account; 200 code
GetFactors: 503 SessionUnavailable, the second factor; 200 code
Create: 503 SessionUnavailable, keeping the sign-in; 200 code
`},
		{"gives a code", givesCode, `
200 signed in
Get: 503 SessionUnavailable, the second factor; 200 signed in
GetFactors: 503 SessionUnavailable, the second factor; 200 signed in
GetFactors: 503 SessionUnavailable, the second factor; 200 signed in
UpdateFactors: 503 SessionUnavailable, the second factor; 200 signed in
GetUser: 500 Callback, the user and account; 401 FactorExpired
Create: 503 SessionUnavailable, keeping the session; 401 FactorExpired
GetUser: 500 Callback, the user and account; 401 FactorExpired
ListAccounts: 500 Callback, the user and account; 401 FactorExpired
Delete: 200 signed in, logged; 401 FactorExpired
`},
		{"opens the page", opensPage, `
200
Get: 302 SessionUnavailable, the second factor; 200
GetFactors: 302 SessionUnavailable, the second factor; 200
`},
		{"sets an app up", setsUpInSession, `
200 signed in
Get: 503 SessionUnavailable, the second factor; 200 signed in
GetUser: 503 SessionUnavailable, the second factor; 200 signed in
GetFactors: 503 SessionUnavailable, the second factor; 200 signed in
GetFactors: 503 SessionUnavailable, the second factor; 200 signed in
UpdateFactors: 503 SessionUnavailable, the second factor; 200 signed in
Get: 503 SessionUnavailable, the second factor; 200 signed in
GetUser: 200 signed in, logged; 200 signed in
Get: 200, logged; 200 signed in
Update: 200, logged; 200 signed in
Get: 200, quietly; 200 signed in
Get: 200, quietly; 200 signed in
`},
		{"confirms", confirms, `
200 signed in
Get: 503 SessionUnavailable, the second factor; 200 signed in
GetUser: 503 SessionUnavailable, the second factor; 200 signed in
GetFactors: 503 SessionUnavailable, the second factor; 200 signed in
GetFactors: 503 SessionUnavailable, the second factor; 200 signed in
UpdateFactors: 503 SessionUnavailable, the second factor; 200 signed in
Get: 503 SessionUnavailable, keeping the session; 401 FactorCode
Update: 503 SessionUnavailable, keeping the session; 401 FactorCode
Get: 200, quietly; 401 FactorCode
Get: 200, quietly; 401 FactorCode
`},
		{"links in a session", func(t *testing.T, a *cutFactorApp) func() answer {
			inSession(t, a)
			callback := as(t, a.idp, a.b.begin("second", "/after"), "eve").String()
			return func() answer { return a.b.get(callback) }
		}, `
302 code
GetUserByAccount: 302 Callback, looking up the user; 302 OAuthCallback
Get: 302 Callback, looking up the user; 302 OAuthCallback
GetUser: 302 Callback, looking up the user; 302 OAuthCallback
GetFactors: 302 Callback, the user and account; 302 OAuthCallback
Create: 302 SessionUnavailable, keeping the sign-in; 302 OAuthCallback
`},
		{"gives the code that links in a session", func(t *testing.T, a *cutFactorApp) func() answer {
			phone := inSession(t, a)
			a.b.signInAt(a.idp, "second", "eve")
			return a.asks(codeURL, url.Values{"code": {phone.code(a.factorApp)}})
		}, `
200 signed in
Get: 503 SessionUnavailable, the second factor; 200 signed in
GetFactors: 503 SessionUnavailable, the second factor; 200 signed in
GetFactors: 503 SessionUnavailable, the second factor; 200 signed in
UpdateFactors: 503 SessionUnavailable, the second factor; 200 signed in
GetUser: 200 Callback, the user and account; 401 FactorExpired
Get: 200 Callback, the user and account; 401 FactorExpired
LinkAccount: 200 Callback, the user and account; 401 FactorExpired
GetUser: 200 Callback, the user and account; 401 FactorExpired
Get: 200 OAuthAccountNotLinked, the user and account; 401 FactorExpired
Create: 503 SessionUnavailable, keeping the session; 401 FactorExpired
Get: 200 signed in, logged; 401 FactorExpired
Delete: 200 signed in, logged; 401 FactorExpired
GetUser: 200 Callback, the user and account; 401 FactorExpired
ListAccounts: 200 Callback, the user and account; 401 FactorExpired
Delete: 200 signed in, logged; 401 FactorExpired
Get: 200 signed in, quietly; 401 FactorExpired
`},
	}
}
