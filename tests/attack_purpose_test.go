package tests

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
	"github.com/ginauth/ginauth/internal/token"
)

// tokens are one of each kind that a flow brings forth, by name, all of them of
// one provider and fresh. pending is the browser whose sign-in is under way, at
// the callback back.
type tokens struct {
	kinds   map[string]string
	pending *browser
	back    *url.URL
}

// mint runs a sign-in to its end and a second one to the callback.
func mint(t testing.TB, a *app, idp *ginauthtest.Provider) tokens {
	t.Helper()
	b := a.browser(t)
	first := approve(t, idp, b.begin("oidc", "/"))
	if !b.get(first.String()).signedIn() {
		t.Fatal("nobody was signed in")
	}
	session := opened(t, forSession, b.cookie(sessionCookie))
	pending := a.browser(t)
	back := approve(t, idp, pending.begin("oidc", "/me"))
	transaction := pending.cookie(pending.transactions()[0].Name)
	sealed := opened(t, forTransaction, transaction)
	own, err := http.NewRequest(http.MethodGet, a.URL+"/me", nil)
	if err != nil {
		t.Fatal(err)
	}
	ginauthtest.SignIn(t, a.auth, own, ginauth.User{ID: "42", Email: "ada@example.com"})
	text := func(claims map[string]any, name string) string { s, _ := claims[name].(string); return s }
	return tokens{pending: pending, back: back, kinds: map[string]string{
		"session":       b.cookie(sessionCookie),
		"own session":   own.Cookies()[0].Value, // of a sign-in by the application
		"transaction":   transaction,
		"csrf cookie":   pending.cookie(csrfCookie),
		"csrf token":    strings.Split(pending.cookie(csrfCookie), "|")[0],
		"callback url":  pending.cookie("next-auth.callback-url"),
		"state":         text(sealed, "s"),
		"nonce":         text(sealed, "n"),
		"code verifier": text(sealed, "v"),
		"code":          back.Query().Get("code"),
		"access token":  text(session, "access"),
		"refresh token": text(session, "refresh"),
		"id token":      text(session, "id"),
	}}
}

// keepsTokens is an app whose session holds the provider's tokens, for mint.
func keepsTokens(t testing.TB, idp *ginauthtest.Provider) *app {
	t.Helper()
	opts := viaOIDC.options(t, idp)
	opts.Callbacks.JWT = func(_ *gin.Context, p ginauth.JWTParams) error {
		if p.Account != nil {
			p.Token.Claims["access"] = p.Account.AccessToken
			p.Token.Claims["refresh"] = p.Account.RefreshToken
			p.Token.Claims["id"] = p.Account.IDToken
		}
		return nil
	}
	return newApp(t, opts)
}

// A verifier tells whether a value passes for the token that it looks for.
type verifier func(t testing.TB, a *app, all tokens, value string) bool

func verifiesCookie(t testing.TB, a *app, _ tokens, value string) bool {
	b := a.browser(t)
	b.plant(sessionCookie, value)
	return b.get("/me").StatusCode == http.StatusOK
}

func verifiesBearer(t testing.TB, a *app, _ tokens, value string) bool {
	b := a.browser(t)
	req := b.request(http.MethodGet, "/me", nil)
	req.Header.Set("Authorization", "Bearer "+value)
	return b.do(req).StatusCode == http.StatusOK
}

func verifiesSession(t testing.TB, a *app, _ tokens, value string) bool {
	b := a.browser(t)
	b.plant(sessionCookie, value)
	return b.user() != ""
}

// verifiesCSRF offers a value as the csrf cookie, and as the form's token what
// stands in it before the bar.
func verifiesCSRF(t testing.TB, a *app, _ tokens, value string) bool {
	b := a.browser(t)
	b.plant(csrfCookie, value)
	own, _, _ := strings.Cut(value, "|")
	res := b.post("/api/auth/signin/oidc", url.Values{"csrfToken": {own}})
	return !strings.HasSuffix(res.Header.Get("Location"), "csrf=true")
}

// verifiesTransaction offers a value as the cookie of a sign-in under way.
func verifiesTransaction(t testing.TB, _ *app, all tokens, value string) bool {
	all.pending.plant(all.pending.transactions()[0].Name, value)
	return all.pending.get(all.back.String()).signedIn()
}

func verifiesState(t testing.TB, _ *app, all tokens, value string) bool {
	return all.pending.get(with(all.back, "state", value)).signedIn()
}

func verifiesCode(t testing.TB, _ *app, all tokens, value string) bool {
	return all.pending.get(with(all.back, "code", value)).signedIn()
}

// What one step of the flow keeps is offered as a session, and a session as what
// a step keeps.
func TestAttack05_FlowTokenAsSession(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, ginauthtest.Config{})
	a := keepsTokens(t, idp)
	all := mint(t, a, idp)
	for _, kind := range []string{"transaction", "csrf cookie", "csrf token", "callback url", "state", "nonce", "code verifier"} {
		for place, passes := range map[string]verifier{"cookie": verifiesCookie, "bearer": verifiesBearer, "GET session": verifiesSession} {
			if passes(t, a, all, all.kinds[kind]) {
				t.Errorf("the %s passes for a session by %s", kind, place)
			}
		}
	}
}

// A person signed in puts into their session whatever a transaction holds: the
// purpose of the key alone tells the two apart.
func TestAttack05_SessionAsFlowToken(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, ginauthtest.Config{})
	a := keepsTokens(t, idp)
	all := mint(t, a, idp)
	payload := opened(t, forTransaction, all.kinds["transaction"])

	opts := viaOIDC.options(t, idp)
	opts.Callbacks.JWT = func(_ *gin.Context, p ginauth.JWTParams) error {
		maps.Copy(p.Token.Claims, payload)
		return nil
	}
	other := newApp(t, opts).browser(t)
	other.signIn(idp, "oidc")
	forged := other.cookie(sessionCookie)
	if opened(t, forSession, forged)["s"] != all.kinds["state"] {
		t.Fatal("the session does not hold the transaction")
	}
	if verifiesTransaction(t, a, all, forged) {
		t.Error("a session passes for a transaction")
	}
	if len(idp.TokenRequests()) != 2 { // the two sign-ins that were finished
		t.Error("a token request was made for it")
	}
	if verifiesCSRF(t, a, all, forged) || verifiesCSRF(t, a, all, forged+"|"+forged) {
		t.Error("a session passes for a csrf cookie")
	}
}

// Every kind of token to every verifier: only its own accepts. There are two kinds of
// session: of a sign-in at a provider and of one by the application.
func TestAttack08_EveryTokenEverywhere(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, ginauthtest.Config{})
	a := keepsTokens(t, idp)
	kinds := slices.Sorted(maps.Keys(mint(t, a, idp).kinds))
	tests := []struct {
		name, own string
		passes    verifier
	}{
		{"session cookie", "session", verifiesCookie},
		{"bearer", "session", verifiesBearer},
		{"GET session", "session", verifiesSession},
		{"csrf", "csrf cookie", verifiesCSRF},
		{"transaction", "transaction", verifiesTransaction},
		{"state", "state", verifiesState},
		{"code", "code", verifiesCode},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, kind := range kinds {
				all := mint(t, a, idp)
				value := all.kinds[kind]
				if value == "" {
					t.Fatalf("there is no %s", kind)
				}
				if got := tt.passes(t, a, all, value); got != strings.HasSuffix(kind, tt.own) {
					t.Errorf("%s accepted: %v", kind, got)
				}
			}
		})
	}
}

// No route seals or signs what a stranger sends, so that it later counts as ours.
func TestAttack09_SigningOracle(t *testing.T) {
	t.Parallel()
	const marker = "marker-of-the-attacker"
	idp := newIDP(t, ginauthtest.Config{})
	a := viaOIDC.app(t, idp)
	fields := url.Values{}
	for _, name := range []string{
		"csrfToken", "state", "nonce", "code_verifier", "code", "iss", "sub", "token", "email", "user", "name",
		"callbackUrl", "error", "s", "n", "v", "b", "e", "data", "session", "redirect_uri", "client_id",
	} {
		fields.Set(name, marker)
	}
	cookies := []string{sessionCookie, csrfCookie, "next-auth.callback-url", transactionCookie, transactionCookie + "." + marker}
	requests := []string{
		"GET csrf", "GET providers", "GET session", "GET signin", "GET signin/oidc", "POST signin/oidc", "GET callback/oidc",
		"POST callback/oidc", "GET signout", "POST signout", "GET error", "POST session", "POST csrf", "GET " + marker,
	}
	for _, line := range requests {
		method, path, _ := strings.Cut(line, " ")
		for _, proved := range []bool{false, true} {
			b := a.browser(t)
			for _, name := range cookies {
				b.plant(name, marker+"|"+marker)
			}
			sent := maps.Clone(fields)
			if proved { // by a page of ours, as far as it goes
				b.plant(csrfCookie, "")
				sent.Set("csrfToken", b.csrf())
			}
			var form url.Values
			if method == http.MethodPost {
				form = sent
			}
			res := b.do(b.request(method, "/api/auth/"+path+"?"+sent.Encode(), form))
			for _, c := range res.Cookies() {
				value, err := url.PathUnescape(c.Value)
				if err != nil || strings.Contains(value, marker) {
					t.Errorf("%s sets %s to %q", line, c.Name, c.Value)
				}
				for _, purpose := range []string{forSession, forTransaction} {
					if sealed := unsealed(t, purpose, value); strings.Contains(sealed, marker) {
						t.Errorf("%s seals %s", line, sealed)
					}
				}
				if value != "" && verifiesCookie(t, a, tokens{}, value) {
					t.Errorf("%s gives a session: %s", line, c.Name)
				}
			}
		}
	}
}

// A csrf cookie is good only with the hash that the secret made of its token.
func TestAttack09_ForgedCSRF(t *testing.T) {
	t.Parallel()
	a := viaOIDC.app(t, newIDP(t, ginauthtest.Config{}))
	b := a.browser(t)
	b.csrf()
	own, hash, _ := strings.Cut(b.cookie(csrfCookie), "|")
	chosen := strings.Repeat("a", 64)
	plain := sha256.Sum256([]byte(own))
	_, stranger := token.NewCSRF("another application's secret").New()
	tests := []struct {
		name, cookie string
		ok           bool
	}{
		{"ours", own + "|" + hash, true},
		{"other token", chosen + "|" + hash, false},
		{"no hash", own + "|", false},
		{"no bar", own, false},
		{"token as hash", own + "|" + own, false},
		{"hash without the secret", own + "|" + hex.EncodeToString(plain[:]), false},
		{"another secret's", stranger, false},
		{"empty token", "|" + hash, false},
		{"shortened hash", own + "|" + hash[:63], false},
	}
	for _, tt := range tests {
		if got := verifiesCSRF(t, a, tokens{}, tt.cookie); got != tt.ok {
			t.Errorf("%s: accepted %v", tt.name, got)
		}
	}
}
