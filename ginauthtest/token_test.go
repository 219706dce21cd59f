package ginauthtest_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/ginauth/ginauth/ginauthtest"
)

func TestTokenRequest(t *testing.T) {
	t.Parallel()
	p := start(t, ginauthtest.Config{})
	for _, row := range []struct {
		name    string
		changes []string
		want    string // empty: accepted
	}{
		{"good", nil, ""},
		{"no grant_type", []string{"grant_type", "-"}, "invalid_request"},
		{"other grant_type", []string{"grant_type", "password"}, "unsupported_grant_type"},
		{"no code", []string{"code", "-"}, "invalid_request"},
		{"unknown code", []string{"code", "x"}, "invalid_grant"},
		{"no redirect_uri", []string{"redirect_uri", "-"}, "invalid_grant"},
		{"other redirect_uri", []string{"redirect_uri", callbackURL + "/"}, "invalid_grant"},
		{"no verifier", []string{"code_verifier", "-"}, "invalid_grant"},
		{"empty verifier", []string{"code_verifier", ""}, "invalid_grant"},
		{"other verifier", []string{"code_verifier", strings.Repeat("a", 43)}, "invalid_grant"},
		{"challenge as verifier", []string{"code_verifier", challenge()}, "invalid_grant"},
		{"short verifier", []string{"code_verifier", "abc"}, "invalid_grant"},
		{"verifier with a space", []string{"code_verifier", verifier + " "}, "invalid_grant"},
		{"same client_id beside Basic", []string{"client_id", "ginauth"}, ""},
		{"other client_id beside Basic", []string{"client_id", "other"}, "invalid_request"},
		{"secret beside Basic", []string{"client_secret", p.ClientSecret()}, "invalid_request"},
		{"unknown refresh token", []string{"grant_type", "refresh_token", "refresh_token", "x"}, "invalid_grant"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			got := token(t, p, with(codeForm(approve(t, p, goodRequest()).Get("code")), row.changes...))
			if row.want == "" {
				if got.status != http.StatusOK {
					t.Errorf("%d %s", got.status, got.body)
				}
				return
			}
			if got.status != http.StatusBadRequest || got.text(t, "error") != row.want {
				t.Errorf("%d %s, want %s", got.status, got.body, row.want)
			}
		})
	}
}

func TestVerifierWithoutChallenge(t *testing.T) {
	t.Parallel()
	p := start(t, ginauthtest.Config{AllowNoPKCE: true})
	q := with(goodRequest(), "code_challenge", "-", "code_challenge_method", "-")
	if got := token(t, p, codeForm(approve(t, p, q).Get("code"))); got.text(t, "error") != "invalid_grant" {
		t.Errorf("with a verifier: %s", got.body)
	}
	without := with(codeForm(approve(t, p, q).Get("code")), "code_verifier", "-")
	if got := token(t, p, without); got.status != http.StatusOK {
		t.Errorf("without: %s", got.body)
	}
	// A challenge binds where it is not demanded, too.
	without = with(codeForm(approve(t, p, goodRequest()).Get("code")), "code_verifier", "-")
	if got := token(t, p, without); got.text(t, "error") != "invalid_grant" {
		t.Errorf("challenge without verifier: %s", got.body)
	}
}

func TestClientAuthentication(t *testing.T) {
	t.Parallel()
	p := start(t, ginauthtest.Config{ClientID: "the client", ClientSecret: "s%+cret"})
	q := with(goodRequest(), "client_id", "the client")
	for _, row := range []struct {
		name         string
		user, secret string   // Basic, as sent
		form         []string // client_secret_post
		status       int
	}{
		{"basic, form encoded", "the+client", "s%25%2Bcret", nil, 200},
		{"basic, not form encoded", "the client", "s%+cret", nil, 401},
		{"basic, wrong secret", "the+client", "wrong", nil, 401},
		{"basic, other client", "other", "s%25%2Bcret", nil, 401},
		{"post", "", "", []string{"client_id", "the client", "client_secret", "s%+cret"}, 200},
		{"post, wrong secret", "", "", []string{"client_id", "the client", "client_secret", "s"}, 401},
		{"post, no secret", "", "", []string{"client_id", "the client"}, 401},
		{"nothing", "", "", nil, 401},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			code := approve(t, p, q).Get("code")
			r := request(t, http.MethodPost, p.Issuer()+"/token", with(codeForm(code), row.form...))
			if row.user != "" {
				r.SetBasicAuth(row.user, row.secret)
			}
			got := do(t, r)
			if got.status != row.status {
				t.Fatalf("%d %s", got.status, got.body)
			}
			if row.status == http.StatusOK {
				return
			}
			if got.text(t, "error") != "invalid_client" || !strings.HasPrefix(got.header.Get("WWW-Authenticate"), "Basic ") {
				t.Errorf("%s, %v", got.body, got.header)
			}
			// A stranger's attempt does not spend the code.
			if got := token(t, p, codeForm(code)); got.status != http.StatusOK {
				t.Errorf("the client after a stranger: %s", got.body)
			}
		})
	}
}

func TestTokenRequestForm(t *testing.T) {
	t.Parallel()
	p := start(t, ginauthtest.Config{})
	send := func(contentType, query, body string) answer {
		r, err := http.NewRequest(http.MethodPost, p.Issuer()+"/token"+query, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", contentType)
		r.SetBasicAuth(p.ClientID(), p.ClientSecret())
		return do(t, r)
	}
	const form = "application/x-www-form-urlencoded"
	good := codeForm(approve(t, p, goodRequest()).Get("code")).Encode()
	for name, got := range map[string]answer{
		"JSON":                 send("application/json", "", `{"grant_type":"authorization_code"}`),
		"form of another type": send("text/plain", "", good),
		"in the query":         send(form, "?"+good, ""),
		"malformed":            send(form, "", good+"&x=%zz"),
		"twice":                send(form, "", good+"&code=x"),
		"too large":            send(form, "", strings.Repeat("a", 2<<20)),
	} {
		if got.status != http.StatusBadRequest || got.text(t, "error") != "invalid_request" {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
	if got := send(form+"; charset=UTF-8", "", good); got.status != http.StatusOK {
		t.Errorf("good: %d %s", got.status, got.body)
	}
}

func TestCodeIsUsedOnce(t *testing.T) {
	t.Parallel()
	p := start(t, ginauthtest.Config{})
	code := approve(t, p, goodRequest()).Get("code")
	first := token(t, p, codeForm(code))
	access := first.text(t, "access_token")
	if got := userinfo(t, p, access); got.status != http.StatusOK {
		t.Fatalf("userinfo: %d", got.status)
	}
	if got := token(t, p, codeForm(code)); got.text(t, "error") != "invalid_grant" {
		t.Errorf("second use: %s", got.body)
	}
	if got := userinfo(t, p, access); got.status != http.StatusUnauthorized {
		t.Errorf("the tokens outlive the second use: %d", got.status)
	}
	if got := token(t, p, refreshForm(first.text(t, "refresh_token"))); got.text(t, "error") != "invalid_grant" {
		t.Errorf("the refresh token outlives the second use: %s", got.body)
	}
}

// TestLateSecondUse: a code that has long expired still gives its thief away.
func TestLateSecondUse(t *testing.T) {
	t.Parallel()
	clock := newClock()
	p := start(t, ginauthtest.Config{Now: clock.Now})
	code := approve(t, p, goodRequest()).Get("code")
	access := token(t, p, codeForm(code)).text(t, "access_token")
	clock.move(50 * time.Minute)
	approve(t, p, goodRequest()) // forgets what need not be kept
	if got := userinfo(t, p, access); got.status != http.StatusOK {
		t.Fatalf("userinfo: %d", got.status)
	}
	token(t, p, codeForm(code))
	if got := userinfo(t, p, access); got.status != http.StatusUnauthorized {
		t.Errorf("the tokens outlive the second use: %d", got.status)
	}
}

// TestWeakVerifier: a verifier that anybody could guess is refused though its
// challenge matches.
func TestWeakVerifier(t *testing.T) {
	t.Parallel()
	p := start(t, ginauthtest.Config{})
	for _, weak := range []string{"", "abc", strings.Repeat("a", 42), strings.Repeat("a", 129), strings.Repeat("a", 43) + "="} {
		q := with(goodRequest(), "code_challenge", oauth2.S256ChallengeFromVerifier(weak))
		if got := token(t, p, with(codeForm(approve(t, p, q).Get("code")), "code_verifier", weak)); got.text(t, "error") != "invalid_grant" {
			t.Errorf("%q: %s", weak, got.body)
		}
	}
}

func TestCodeIsUsedOnceInParallel(t *testing.T) {
	t.Parallel()
	p := start(t, ginauthtest.Config{})
	code := approve(t, p, goodRequest()).Get("code")
	var accepted atomic.Int32
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			if token(t, p, codeForm(code)).status == http.StatusOK {
				accepted.Add(1)
			}
		})
	}
	group.Wait()
	if accepted.Load() != 1 {
		t.Errorf("accepted %d times", accepted.Load())
	}
}

func TestFailedExchangeSpendsTheCode(t *testing.T) {
	t.Parallel()
	p := start(t, ginauthtest.Config{})
	form := codeForm(approve(t, p, goodRequest()).Get("code"))
	if got := token(t, p, with(form, "code_verifier", strings.Repeat("a", 43))); got.status != http.StatusBadRequest {
		t.Fatalf("wrong verifier: %d", got.status)
	}
	if got := token(t, p, form); got.text(t, "error") != "invalid_grant" {
		t.Errorf("second attempt: %s", got.body)
	}
}

func TestLifetimes(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		after  time.Duration
		status int
	}{{59 * time.Second, 200}, {60 * time.Second, 400}, {48 * time.Hour, 400}} {
		clock := newClock()
		p := start(t, ginauthtest.Config{Now: clock.Now, TokenLifetime: 5 * time.Second})
		code := approve(t, p, goodRequest()).Get("code")
		clock.move(row.after)
		approve(t, p, goodRequest()) // forgets what has long expired
		got := token(t, p, codeForm(code))
		if got.status != row.status {
			t.Errorf("code after %v: %d", row.after, got.status)
		}
		if row.status != http.StatusOK {
			continue
		}
		access, refresh := got.text(t, "access_token"), got.text(t, "refresh_token")
		clock.move(4 * time.Second)
		if got := userinfo(t, p, access); got.status != http.StatusOK {
			t.Errorf("access token after 4 s: %d", got.status)
		}
		clock.move(time.Second)
		if got := userinfo(t, p, access); got.status != http.StatusUnauthorized {
			t.Errorf("access token after 5 s: %d", got.status)
		}
		clock.move(30 * 24 * time.Hour)
		if got := token(t, p, refreshForm(refresh)); got.status != http.StatusBadRequest {
			t.Errorf("refresh token after 30 days: %d", got.status)
		}
	}
}

func TestTokenRequests(t *testing.T) {
	t.Parallel()
	p := start(t, ginauthtest.Config{ClientSecret: "a+b"})
	if got := p.TokenRequests(); len(got) != 0 {
		t.Fatalf("at first: %v", got)
	}
	form := codeForm(approve(t, p, goodRequest()).Get("code"))
	token(t, p, with(form, "code", "wrong"))
	token(t, p, form)
	p.Break(ginauthtest.Token, ginauthtest.Answer(500, "text/plain", "no"))
	do(t, request(t, http.MethodPost, p.Issuer()+"/token", url.Values{"x": {"y"}}))
	p.Reset()

	got := p.TokenRequests()
	if len(got) != 3 {
		t.Fatalf("%d requests", len(got))
	}
	if got[0].Accepted || !got[1].Accepted || got[2].Accepted {
		t.Errorf("accepted: %v", got)
	}
	if got[1].BasicUser != "ginauth" || got[1].BasicPassword != "a+b" || got[1].Form.Encode() != form.Encode() {
		t.Errorf("second: %+v", got[1])
	}
	if got[2].Form.Get("x") != "y" || got[2].BasicUser != "" {
		t.Errorf("third: %+v", got[2])
	}
	got[1].Form["code"][0] = "changed"
	if p.TokenRequests()[1].Form.Get("code") == "changed" {
		t.Error("the answer is not a copy")
	}
}

func TestLogout(t *testing.T) {
	t.Parallel()
	p := start(t, ginauthtest.Config{})
	listed := start(t, ginauthtest.Config{RedirectURIs: []string{"https://app.example.com/cb"}})
	idToken := signIn(t, p, goodRequest()).text(t, "id_token")
	p.Sign(ginauthtest.WrongKey)
	forged := signIn(t, p, goodRequest()).text(t, "id_token")
	p.Sign(ginauthtest.Good)
	p.TamperClaims(func(claims map[string]any) { claims["aud"] = "other" })
	foreign := signIn(t, p, goodRequest()).text(t, "id_token")
	p.Reset()

	const home = "http://localhost:3000/"
	for _, row := range []struct {
		name   string
		p      *ginauthtest.Provider
		q      url.Values
		status int
		to     string
	}{
		{"nothing", p, url.Values{}, 200, ""},
		{"hint", p, url.Values{"id_token_hint": {idToken}}, 200, ""},
		{"hint and home", p, url.Values{"id_token_hint": {idToken}, "post_logout_redirect_uri": {home}, "state": {"a b"}}, 302, home + "?state=a+b"},
		{"home with query", p, url.Values{"client_id": {"ginauth"}, "post_logout_redirect_uri": {home + "?x=1"}}, 302, home + "?x=1"},
		{"home alone", p, url.Values{"post_logout_redirect_uri": {home}}, 400, ""},
		{"home elsewhere", p, url.Values{"id_token_hint": {idToken}, "post_logout_redirect_uri": {"https://example.com/"}}, 400, ""},
		{"listed origin", listed, url.Values{"client_id": {"ginauth"}, "post_logout_redirect_uri": {"https://app.example.com/"}}, 302, "https://app.example.com/"},
		{"other origin", listed, url.Values{"client_id": {"ginauth"}, "post_logout_redirect_uri": {home}}, 400, ""},
		{"other client", p, url.Values{"client_id": {"other"}, "post_logout_redirect_uri": {home}}, 400, ""},
		{"forged hint", p, url.Values{"id_token_hint": {forged}, "post_logout_redirect_uri": {home}}, 400, ""},
		{"another client's hint", p, url.Values{"id_token_hint": {foreign}}, 400, ""},
		{"garbage", p, url.Values{"id_token_hint": {"a.b.c"}}, 400, ""},
		{"two states", p, url.Values{"client_id": {"ginauth"}, "post_logout_redirect_uri": {home}, "state": {"a", "b"}}, 400, ""},
	} {
		got := get(t, row.p.Issuer()+"/logout?"+row.q.Encode())
		if got.status != row.status || got.header.Get("Location") != row.to {
			t.Errorf("%s: %d to %q", row.name, got.status, got.header.Get("Location"))
		}
		posted := do(t, request(t, http.MethodPost, row.p.Issuer()+"/logout", row.q))
		if (posted.status == http.StatusSeeOther) != (row.status == http.StatusFound) || posted.header.Get("Location") != row.to {
			t.Errorf("%s, posted: %d to %q", row.name, posted.status, posted.header.Get("Location"))
		}
	}
}
