package oauth_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/markbates/goth"
	"github.com/markbates/goth/providers/github"
	zitadel "github.com/zitadel/oidc/v3/pkg/oidc"

	"github.com/ginauth/ginauth/internal/oauth"
	"github.com/ginauth/ginauth/oidc"
)

const appCallback = "http://127.0.0.1/callback"

// A reauthentication is a sign-in that asks for a fresh one at the provider.
type reauthentication struct {
	params url.Values                  // AuthParams
	asked  url.Values                  // the sign-in request's
	claims func(claims map[string]any) // what the provider lies
	meddle func(query url.Values)      // with the authorization URL, in the browser
	took   time.Duration               // the person's way to the provider and back
	answer func(answer map[string]any) // what the token endpoint lies
}

// run signs ada in.
func (s reauthentication) run(t testing.TB, r renewal) error {
	t.Helper()
	idp := newIDP(t)
	idp.TamperClaims(s.claims)
	idp.TamperToken(s.answer)
	p, err := oauth.New(oauth.Config{ID: r.id, Provider: r.provider(t, idp), Params: s.params})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	authURL, begun, err := p.Begin(t.Context(), appCallback, oauth.DisplayParams(s.asked), now.Add(-s.took))
	if err != nil {
		return err
	}
	tx, err := oauth.ParseTransaction(begun.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if s.meddle != nil {
		u, err := url.Parse(authURL)
		if err != nil {
			t.Fatal(err)
		}
		q := u.Query()
		s.meddle(q)
		u.RawQuery = q.Encode()
		authURL = u.String()
	}
	back, err := idp.Approve(t.Context(), authURL, "ada")
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.Complete(t.Context(), tx, appCallback, back.Query(), now)
	return err
}

// provedAgo has the id_token say when the person proved who they are; no sign of
// it for a negative time.
func provedAgo(ago time.Duration) func(map[string]any) {
	return func(claims map[string]any) {
		if claims["auth_time"] = claims["iat"].(int64) - int64(ago/time.Second); ago < 0 {
			delete(claims, "auth_time")
		}
	}
}

const never = -time.Second

// OpenID Connect Core §3.1.3.7, no. 13, and §2: where max_age was sent, auth_time
// is required and obeys it. What was sent is known from the transaction, and not
// from the URL.
func TestMaxAge(t *testing.T) {
	t.Parallel()
	asks := func(maxAge string) url.Values { return url.Values{"max_age": {maxAge}} }
	strip := func(q url.Values) { q.Del("max_age") }
	says := func(value any) func(map[string]any) {
		return func(claims map[string]any) { claims["auth_time"] = value }
	}
	tests := []struct {
		name    string
		try     reauthentication
		refused string // part of the error, "" when accepted
	}{
		{"not asked, long ago", reauthentication{claims: provedAgo(30 * 24 * time.Hour)}, ""},
		{"not asked, no auth_time", reauthentication{claims: provedAgo(never)}, ""},
		{"within", reauthentication{asked: asks("3600"), claims: provedAgo(50 * time.Minute)}, ""},
		{"a moment beyond", reauthentication{asked: asks("3600"), claims: provedAgo(time.Hour + 30*time.Second)}, ""},
		{"beyond", reauthentication{asked: asks("3600"), claims: provedAgo(time.Hour + 2*time.Minute)}, "max_age was 1h0m0s"},
		{"at once", reauthentication{asked: asks("0"), claims: provedAgo(0)}, ""},
		{"at once, ten minutes ago", reauthentication{asked: asks("0"), claims: provedAgo(10 * time.Minute)}, "max_age was 0s"},
		{"no auth_time", reauthentication{asked: asks("3600"), claims: provedAgo(never)}, "no auth_time"},
		{"set by the developer", reauthentication{params: asks("60"), claims: provedAgo(time.Hour)}, "max_age was 1m0s"},
		{"the developer's is what counts", reauthentication{params: asks("60"), asked: asks("86400"), claims: provedAgo(time.Hour)}, "max_age was 1m0s"},
		{"taken out of the URL", reauthentication{asked: asks("60"), meddle: strip, claims: provedAgo(time.Hour)}, "max_age was 1m0s"},
		{"taken out of the URL, so that no auth_time comes", reauthentication{params: asks("60"), meddle: strip, claims: provedAgo(never)}, "no auth_time"},
		{"raised in the URL", reauthentication{params: asks("60"), meddle: func(q url.Values) { q.Set("max_age", "86400") }, claims: provedAgo(time.Hour)}, "max_age was 1m0s"},
		{"a slow person, fresh when they came", reauthentication{asked: asks("60"), took: 10 * time.Minute, claims: provedAgo(10 * time.Minute)}, ""},
		{"a slow person, who proved nothing", reauthentication{asked: asks("60"), took: 10 * time.Minute, claims: provedAgo(20 * time.Minute)}, "the sign-in took 10m"},
		{"auth_time is text", reauthentication{asked: asks("3600"), claims: says(fmt.Sprint(time.Now().Unix()))}, "no auth_time"},
		{"auth_time is null", reauthentication{asked: asks("3600"), claims: says(nil)}, "no auth_time"},
		{"auth_time is zero", reauthentication{asked: asks("3600"), claims: says(0)}, "no auth_time"},
		{"auth_time in milliseconds", reauthentication{asked: asks("3600"), claims: says(time.Now().UnixMilli())}, "no auth_time"},
		{"auth_time tomorrow", reauthentication{asked: asks("3600"), claims: func(claims map[string]any) {
			claims["auth_time"] = claims["iat"].(int64) + 86400
		}}, "after its iat"},
		{"Auth_Time for auth_time", reauthentication{asked: asks("3600"), claims: func(claims map[string]any) {
			delete(claims, "auth_time")
			claims["Auth_Time"] = time.Now().Unix()
		}}, "no auth_time"},
	}
	for _, r := range []renewal{byOIDC, byOpenIDConnect} {
		for _, tt := range tests {
			t.Run(r.id+"/"+tt.name, func(t *testing.T) {
				t.Parallel()
				err := tt.try.run(t, r)
				if tt.refused == "" && err != nil || tt.refused != "" && (err == nil || !strings.Contains(err.Error(), tt.refused)) {
					t.Errorf("got %v, want %q", err, tt.refused)
				}
			})
		}
	}
}

// What is no max_age is not sent: nobody could tell what a provider makes of it.
func TestMaxAgeMalformed(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"-1", "1.5", "1h", " 1", "+1", "0x10", "1e3", "٣", "99999999999999999999"} {
		try := reauthentication{asked: url.Values{"max_age": {bad}}}
		if err := try.run(t, byOIDC); err == nil || !strings.Contains(err.Error(), "write a number of seconds") {
			t.Errorf("%q is sent: %v", bad, err)
		}
		params := url.Values{"max_age": {bad}}
		if err := oauth.CheckParams(params); err == nil || !strings.Contains(err.Error(), "AuthParams: max_age is") {
			t.Errorf("%q is no fault: %v", bad, err)
		}
	}
	if err := oauth.CheckParams(url.Values{"max_age": {"1", "1"}}); err == nil || !strings.Contains(err.Error(), "more than once") {
		t.Errorf("two are no fault: %v", err)
	}
	if err := oauth.CheckParams(url.Values{"max_age": {"0"}}); err != nil {
		t.Error(err)
	}
}

// A plain OAuth 2.0 service has no id_token, and gives the parameter no meaning.
func TestMaxAgeWithoutIDToken(t *testing.T) {
	t.Parallel()
	g := github.New("client", "secret", "")
	g.HTTPClient = &http.Client{Transport: canned{
		"/login/oauth/access_token": `{"access_token":"t","token_type":"bearer"}`, "/user": `{"id":7,"login":"kate"}`,
	}}
	p, err := oauth.New(oauth.Config{ID: "github", Provider: g, Params: url.Values{"max_age": {"60"}}})
	if err != nil {
		t.Fatal(err)
	}
	if id := complete(t, p); id.Profile.UserID != "7" {
		t.Errorf("got %+v", id.Profile)
	}
	// The same at an OpenID provider whose answer lost its id_token is a refusal.
	try := reauthentication{
		params: url.Values{"max_age": {"60"}},
		answer: func(answer map[string]any) { delete(answer, "id_token") },
	}
	if err := try.run(t, byOIDC); err == nil {
		t.Error("an answer without id_token is accepted")
	}
}

// zitadel's relying party judges the same times: what it accepts is accepted, and
// nothing that it refuses by more than the leeway.
func TestMaxAgeAsZitadel(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(9, 13))
	idp := newIDP(t)
	p, err := oauth.New(oauth.Config{ID: "oidc", Provider: byOIDC.provider(t, idp)})
	if err != nil {
		t.Fatal(err)
	}
	verdicts := map[bool]int{}
	for range 200 {
		maxAge := 1 + random.Int64N(600)
		age := random.Int64N(2 * maxAge)
		if random.IntN(2) == 0 { // about the edge
			age = max(0, maxAge-150+random.Int64N(300))
		}
		now := time.Now()
		idp.TamperClaims(func(claims map[string]any) { claims["auth_time"] = claims["iat"].(int64) - age })
		authURL, tx, err := p.Begin(t.Context(), appCallback, url.Values{"max_age": {fmt.Sprint(maxAge)}}, now)
		if err != nil {
			t.Fatal(err)
		}
		back, err := idp.Approve(t.Context(), authURL, "ada")
		if err != nil {
			t.Fatal(err)
		}
		_, err = p.Complete(t.Context(), tx, appCallback, back.Query(), now)
		verdicts[err == nil]++
		claims := &zitadel.IDTokenClaims{TokenClaims: zitadel.TokenClaims{AuthTime: zitadel.FromTime(now.Add(-time.Duration(age) * time.Second))}}
		strict := zitadel.CheckAuthTime(claims, time.Duration(maxAge)*time.Second)
		lenient := zitadel.CheckAuthTime(claims, time.Duration(maxAge)*time.Second+62*time.Second) // the leeway, and rounding
		if strict == nil && err != nil || lenient != nil && err == nil {
			t.Errorf("max_age %d, age %d: %v, and zitadel says %v", maxAge, age, err, strict)
		}
	}
	if verdicts[true] < 20 || verdicts[false] < 20 {
		t.Errorf("the sample says little: %v", verdicts)
	}
}

// RFC 6749 §7.1 and OpenID Connect Core §3.1.3.3: an OpenID provider's token is a
// bearer token or of no use, at the sign-in and when it is renewed.
func TestTokenType(t *testing.T) {
	t.Parallel()
	for tokenType, ok := range map[string]bool{
		"Bearer": true, "bearer": true, "BEARER": true,
		"DPoP": false, "mac": false, "N_A": false, "Basic": false, "bearer ": false, "Bearer, DPoP": false, "": false,
		"-": false, // none at all
	} {
		for _, r := range []renewal{byOIDC, byOpenIDConnect} {
			t.Run(r.id+"/"+tokenType, func(t *testing.T) {
				t.Parallel()
				answer := func(answer map[string]any) {
					if answer["token_type"] = tokenType; tokenType == "-" {
						delete(answer, "token_type")
					}
				}
				err := reauthentication{answer: answer}.run(t, r)
				if (err == nil) != ok || err != nil && !strings.Contains(err.Error(), "not Bearer") {
					t.Errorf("the sign-in: %v", err)
				}
				b := r.start(t)
				refresh := b.grant(t).RefreshToken
				b.idp.TamperToken(answer)
				if _, err := b.Refresh(t.Context(), refresh); (err == nil) != ok || err != nil && !strings.Contains(err.Error(), "not Bearer") {
					t.Errorf("the renewal: %v", err)
				}
			})
		}
	}
}

// TestAuthentication holds that how a person proved who they are is believed of a verified
// id_token alone, with claims of the right name and type.
func TestAuthentication(t *testing.T) {
	t.Parallel()
	at := time.Now().Add(-time.Hour).Truncate(time.Second)
	full := oauth.Authentication{Time: at, Methods: []string{"pwd", "mfa"}, Class: "urn:gold"}
	claims := map[string]any{"auth_time": at.Unix(), "amr": []string{"pwd", "mfa"}, "acr": "urn:gold"}
	for name, tt := range map[string]struct {
		idToken, userinfo map[string]any
		want              oauth.Authentication
	}{
		"all":                    {claims, nil, full},
		"none":                   {map[string]any{"auth_time": nil}, nil, oauth.Authentication{}},
		"in the userinfo alone":  {map[string]any{"auth_time": nil}, claims, oauth.Authentication{}},
		"other in the userinfo":  {claims, map[string]any{"amr": []string{"otp"}, "acr": "urn:platinum", "auth_time": time.Now().Unix()}, full},
		"names in another case":  {map[string]any{"auth_time": nil, "Auth_Time": at.Unix(), "AMR": []string{"mfa"}, "Acr": "urn:gold"}, nil, oauth.Authentication{}},
		"of other types":         {map[string]any{"auth_time": "now", "amr": "mfa", "acr": []string{"urn:gold"}}, nil, oauth.Authentication{}},
		"methods that are none":  {map[string]any{"auth_time": nil, "amr": []any{1, "mfa", nil}}, nil, oauth.Authentication{Methods: []string{"mfa"}}},
		"a time to come":         {map[string]any{"auth_time": time.Now().Add(time.Hour).Unix()}, nil, oauth.Authentication{}},
		"a time in milliseconds": {map[string]any{"auth_time": time.Now().UnixMilli()}, nil, oauth.Authentication{}},
	} {
		for _, r := range []renewal{byOIDC, byOpenIDConnect} {
			t.Run(r.id+"/"+name, func(t *testing.T) {
				t.Parallel()
				idp := newIDP(t)
				idp.TamperClaims(func(c map[string]any) {
					for name, value := range tt.idToken {
						c[name] = value
					}
					if c["auth_time"] == nil {
						delete(c, "auth_time")
					}
				})
				idp.TamperUserinfo(func(c map[string]any) {
					for name, value := range tt.userinfo {
						c[name] = value
					}
				})
				p, err := oauth.New(oauth.Config{ID: r.id, Provider: r.provider(t, idp)})
				if err != nil {
					t.Fatal(err)
				}
				authURL, tx, err := p.Begin(t.Context(), appCallback, nil, time.Now())
				if err != nil {
					t.Fatal(err)
				}
				back, err := idp.Approve(t.Context(), authURL, "ada")
				if err != nil {
					t.Fatal(err)
				}
				id, err := p.Complete(t.Context(), tx, appCallback, back.Query(), time.Now())
				if err != nil {
					t.Fatal(err)
				}
				if got := id.Proved; !got.Time.Equal(tt.want.Time) || !slices.Equal(got.Methods, tt.want.Methods) || got.Class != tt.want.Class {
					t.Errorf("%+v, want %+v", got, tt.want)
				}
			})
		}
	}
}

// timeless is a provider that is known to give no auth_time.
type timeless struct{ *oidc.Provider }

func (timeless) LacksAuthTime() bool { return true }

// TestBeginProof holds which providers are told to ask the person again, and that only one
// that is known to give no auth_time may leave it out.
func TestBeginProof(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		provider func(p *oidc.Provider) goth.Provider
		asked    bool
	}{
		"any":           {func(p *oidc.Provider) goth.Provider { return p }, true},
		"known to lack": {func(p *oidc.Provider) goth.Provider { return timeless{p} }, false},
	} {
		idp := newIDP(t)
		idp.TamperClaims(provedAgo(never))
		p, err := oauth.New(oauth.Config{ID: "oidc", Provider: tt.provider(byOIDC.provider(t, idp).(*oidc.Provider)), Params: url.Values{"prompt": {"consent"}}})
		if err != nil {
			t.Fatal(err)
		}
		authURL, tx, err := p.BeginProof(t.Context(), appCallback, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(authURL)
		if err != nil || (u.Query().Get("prompt") == "login") != tt.asked || u.Query().Has("max_age") != tt.asked {
			t.Errorf("%s: %s, %v", name, authURL, err)
		}
		back, err := idp.Approve(t.Context(), authURL, "ada")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Complete(t.Context(), tx, appCallback, back.Query(), time.Now()); (err != nil) != tt.asked {
			t.Errorf("%s without auth_time: %v", name, err)
		}
	}
}
