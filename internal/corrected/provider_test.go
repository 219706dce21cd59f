package corrected_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/markbates/goth"
	"github.com/markbates/goth/providers/amazon"
	"github.com/markbates/goth/providers/deezer"
	"github.com/markbates/goth/providers/discord"
	"github.com/markbates/goth/providers/eveonline"
	"github.com/markbates/goth/providers/hubspot"
	"github.com/markbates/goth/providers/kakao"
	"github.com/markbates/goth/providers/patreon"
	"github.com/markbates/goth/providers/salesforce"
	"github.com/markbates/goth/providers/vk"
	"github.com/markbates/goth/providers/zoom"
	"golang.org/x/oauth2"

	"github.com/ginauth/ginauth/internal/corrected"
)

// canned answers each address with a text.
type canned map[string]string

func (c canned) RoundTrip(req *http.Request) (*http.Response, error) {
	bare := *req.URL
	bare.RawQuery = ""
	body, ok := c[bare.String()]
	res := &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Request: req, Body: io.NopCloser(strings.NewReader(body))}
	if !ok {
		res.StatusCode = http.StatusNotFound
	}
	return res, nil
}

func (c canned) exchange(t *testing.T, p goth.Provider) (goth.User, error) {
	t.Helper()
	flow := p.(interface {
		ExchangeCode(ctx context.Context, redirectURL, code, nonce string, opts ...oauth2.AuthCodeOption) (goth.User, *oauth2.Token, error)
	})
	ctx := context.WithValue(t.Context(), oauth2.HTTPClient, &http.Client{Transport: c})
	user, _, err := flow.ExchangeCode(ctx, "https://app.example.com/callback", "code", "")
	return user, err
}

// What the application gave goth's provider is kept: the client, the scopes, the
// name, its HTTP client and parameters of its own.
func TestOf(t *testing.T) {
	t.Parallel()
	client := &http.Client{}
	d := discord.New("id", "secret", "", "identify", "guilds")
	d.HTTPClient = client
	d.SetPermissions("8")
	d.SetName("talk")
	made, ok := corrected.Of(d).(*corrected.Provider)
	if !ok {
		t.Fatal("goth's provider stays")
	}
	if made.ClientID() != "id" || made.Name() != "talk" || made.DisplayName() != "Discord" || made.HTTPClient != client || made.Validate() != nil {
		t.Errorf("%v, %q, %v", made, made.DisplayName(), made.Validate())
	}
	raw, err := made.AuthCodeURL(t.Context(), "https://app.example.com/callback", "state", "")
	if err != nil {
		t.Fatal(err)
	}
	u, _ := url.Parse(raw)
	for name, want := range map[string]string{"scope": "identify guilds", "permissions": "8", "client_id": "id", "state": "state", "redirect_uri": "https://app.example.com/callback"} {
		if got := u.Query().Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if right := amazon.New("id", "secret", ""); corrected.Of(right) != goth.Provider(right) {
		t.Error("a provider that needs no correction was replaced")
	}
	if own := patreon.NewCustomisedURL("id", "secret", "", "https://patreon.example/oauth2/authorize", "https://patreon.example/token", "https://patreon.example/me"); corrected.Of(own) != goth.Provider(own) {
		t.Error("a provider of another server was replaced")
	}
	if err := corrected.Of(zoom.New("", "", "")).(*corrected.Provider).Validate(); err == nil || !strings.Contains(err.Error(), "client id is empty") {
		t.Errorf("a provider without a client: %v", err)
	}
}

// An application names another server for two of goth's providers by variables, which no
// other test may read meanwhile.
func TestOf_OwnServer(t *testing.T) {
	for url, made := range map[*string]func() goth.Provider{
		&salesforce.AuthURL: func() goth.Provider { return salesforce.New("id", "secret", "") },
		&hubspot.AuthURL:    func() goth.Provider { return hubspot.New("id", "secret", "") },
	} {
		if usual := made(); corrected.Of(usual) == usual {
			t.Errorf("%s: not corrected", usual.Name())
		}
		before := *url
		*url = "https://login.acme.example/authorize"
		own := made()
		if corrected.Of(own) != own {
			t.Errorf("%s: a provider of another server was replaced", own.Name())
		}
		*url = before
	}
}

// What the flow itself sends stands once in the URL, as the flow has it.
func TestOf_Parameters(t *testing.T) {
	t.Parallel()
	raw, err := corrected.Of(discord.New("id", "secret", "https://gone.example.com/callback", "identify")).(*corrected.Provider).AuthCodeURL(t.Context(), "https://app.example.com/callback", "state", "")
	if err != nil {
		t.Fatal(err)
	}
	u, _ := url.Parse(raw)
	for name, want := range map[string]string{"client_id": "id", "redirect_uri": "https://app.example.com/callback", "response_type": "code", "scope": "identify", "state": "state"} {
		if got := u.Query()[name]; len(got) != 1 || got[0] != want {
			t.Errorf("%s is %q", name, got)
		}
	}
}

// Deezer's basic permission, which goth does not know, is asked for beside others.
func TestOf_Deezer(t *testing.T) {
	t.Parallel()
	raw, err := corrected.Of(deezer.New("id", "secret", "", "email")).(*corrected.Provider).AuthCodeURL(t.Context(), "https://app.example.com/callback", "state", "")
	if err != nil {
		t.Fatal(err)
	}
	u, _ := url.Parse(raw)
	if perms := u.Query(); !strings.Contains(perms.Get("scope")+perms.Get("perms"), "basic_access") {
		t.Errorf("%v", perms)
	}
}

// VK asks for the client beside the access token, in a form.
func TestVK(t *testing.T) {
	t.Parallel()
	const me = "https://id.vk.ru/oauth2/user_info"
	var sent url.Values
	answers := canned{"https://id.vk.ru/oauth2/auth": `{"access_token":"t","token_type":"Bearer"}`, me: `{"user":{"user_id":"7","first_name":"Ada"}}`}
	ctx := context.WithValue(t.Context(), oauth2.HTTPClient, &http.Client{Transport: watching(func(req *http.Request) (*http.Response, error) {
		if strings.HasPrefix(req.URL.String(), me) {
			raw, _ := io.ReadAll(req.Body)
			sent, _ = url.ParseQuery(string(raw))
		}
		return answers.RoundTrip(req)
	})})
	user, _, err := corrected.Of(vk.New("id", "secret", "")).(*corrected.Provider).ExchangeCode(ctx, "https://app.example.com/callback", "code", "")
	if err != nil || user.UserID != "7" {
		t.Fatalf("%+v, %v", user, err)
	}
	if sent.Get("client_id") != "id" || sent.Get("access_token") != "t" || len(sent) != 2 {
		t.Errorf("%v is sent", sent)
	}
}

type watching func(*http.Request) (*http.Response, error)

func (w watching) RoundTrip(req *http.Request) (*http.Response, error) { return w(req) }

// A nameless provider is none of goth's, and no pointer to a struct.
type nameless int

func (*nameless) Name() string                                  { return "" }
func (*nameless) SetName(string)                                {}
func (*nameless) BeginAuth(string) (goth.Session, error)        { return nil, nil }
func (*nameless) UnmarshalSession(string) (goth.Session, error) { return nil, nil }
func (*nameless) FetchUser(goth.Session) (goth.User, error)     { return goth.User{}, nil }
func (*nameless) Debug(bool)                                    {}
func (*nameless) RefreshToken(string) (*oauth2.Token, error)    { return nil, nil }
func (*nameless) RefreshTokenAvailable() bool                   { return false }

// What was not made by goth's constructor, or is not goth's, stays as it is.
func TestOf_Stays(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]goth.Provider{
		"no struct":     new(nameless),
		"nil":           (*discord.Provider)(nil),
		"no value":      (*nameless)(nil),
		"not made":      &discord.Provider{ClientKey: "id", Secret: "secret"},
		"not made, too": &kakao.Provider{},
	} {
		if got := corrected.Of(p); got != p {
			t.Errorf("%s: %T", name, got)
		}
	}
}

// cutting answers one address by an error, by a fault with the same body, or by half of it.
type cutting struct {
	canned
	address, how string
}

func (c cutting) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := c.canned.RoundTrip(req)
	bare := *req.URL
	bare.RawQuery = ""
	if bare.String() != c.address {
		return res, err
	}
	switch c.how {
	case "no answer":
		return nil, errors.New("connection was cut")
	case "a fault":
		res.StatusCode = http.StatusServiceUnavailable
	case "half an answer":
		res.Body = io.NopCloser(io.MultiReader(io.LimitReader(res.Body, 10), iotest.ErrReader(io.ErrUnexpectedEOF)))
	case "a list":
		res.Body = io.NopCloser(strings.NewReader("[]"))
	}
	return res, err
}

// A service that does not answer one of the requests makes nobody known.
func TestFault_EachRequest(t *testing.T) {
	t.Parallel()
	const kapi = "https://kapi.kakao.com/v2/user/me"
	token := "https://kauth.kakao.com/oauth/token"
	answers := canned{token: `{"access_token":"t","token_type":"bearer"}`, kapi: `{"id":7,"kakao_account":{"profile":{"nickname":"ada"}}}`}
	for _, address := range []string{"", token, kapi} {
		for _, how := range []string{"no answer", "a fault", "half an answer", "a list"} {
			p := corrected.Of(kakao.New("id", "secret", "")).(interface {
				ExchangeCode(ctx context.Context, redirectURL, code, nonce string, opts ...oauth2.AuthCodeOption) (goth.User, *oauth2.Token, error)
			})
			ctx := context.WithValue(t.Context(), oauth2.HTTPClient, &http.Client{Transport: cutting{answers, address, how}})
			user, _, err := p.ExchangeCode(ctx, "https://app.example.com/callback", "code", "")
			if (err == nil) != (address == "") || (user.UserID == "7") != (err == nil) {
				t.Errorf("%s, %s: %+v, %v", address, how, user, err)
			}
		}
	}
}

func TestKakao(t *testing.T) {
	t.Parallel()
	for account, want := range map[string][2]any{
		`{"email":"a@x","is_email_valid":true,"is_email_verified":true}`:  {"a@x", true},
		`{"email":"a@x","is_email_valid":false,"is_email_verified":true}`: {"a@x", false},
		`{"email":"a@x","is_email_valid":true}`:                           {"a@x", false},
		`{"email_needs_agreement":true}`:                                  {"", false},
	} {
		user, err := canned{
			"https://kauth.kakao.com/oauth/token": `{"access_token":"t"}`,
			"https://kapi.kakao.com/v2/user/me":   `{"id":12,"kakao_account":` + account + `}`,
		}.exchange(t, corrected.Of(kakao.New("id", "secret", "")))
		if err != nil || user.UserID != "12" || user.Email != want[0] || user.RawData["email_verified"] != want[1] {
			t.Errorf("%s: %+v, %v", account, user, err)
		}
	}
}

// Discord draws a picture for a person without one, by the account number.
func TestDiscordPicture(t *testing.T) {
	t.Parallel()
	for profile, want := range map[string]string{
		`{"id":"80351110224678912","avatar":"abc"}`:                              "https://cdn.discordapp.com/avatars/80351110224678912/abc.png",
		`{"id":"80351110224678912","avatar":"a_abc"}`:                            "https://cdn.discordapp.com/avatars/80351110224678912/a_abc.gif",
		`{"id":"80351110224678912","avatar":"../x?y"}`:                           "https://cdn.discordapp.com/avatars/80351110224678912/..%2Fx%3Fy.png",
		`{"id":"80351110224678912","avatar":null,"discriminator":"0"}`:           "https://cdn.discordapp.com/embed/avatars/5.png",
		`{"id":"80351110224678912","avatar":null,"discriminator":"1337"}`:        "https://cdn.discordapp.com/embed/avatars/2.png",
		`{"id":"80351110224678912","avatar":null,"discriminator":"99999999999"}`: "https://cdn.discordapp.com/embed/avatars/5.png",
	} {
		user, err := canned{"https://discord.com/api/oauth2/token": `{"access_token":"t"}`, "https://discord.com/api/users/@me": profile}.
			exchange(t, corrected.Of(discord.New("id", "secret", "")))
		if err != nil || user.AvatarURL != want {
			t.Errorf("%s: %q, %v", profile, user.AvatarURL, err)
		}
	}
}

// TestAttack24: EVE Online's access token says who somebody is. One that another
// signed, or that is for another client, another issuer or another audience, or
// has expired, is nobody's.
func TestAttack24_EVEOnline(t *testing.T) {
	t.Parallel()
	newKey := func() *ecdsa.PrivateKey {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	service, stranger := newKey(), newKey()
	sign := func(key any, alg jose.SignatureAlgorithm, claims map[string]any) string {
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, (&jose.SignerOptions{}).WithHeader("kid", "k"))
		if err != nil {
			t.Fatal(err)
		}
		payload, _ := json.Marshal(claims)
		signed, err := signer.Sign(payload)
		if err != nil {
			t.Fatal(err)
		}
		raw, _ := signed.CompactSerialize()
		return raw
	}
	claims := func(change func(c map[string]any)) map[string]any {
		c := map[string]any{
			"iss": "login.eveonline.com", "aud": []string{"id", "EVE Online"}, "sub": "CHARACTER:EVE:123123", "name": "Some Bloke",
			"exp": time.Now().Add(time.Hour).Unix(), "iat": time.Now().Unix(),
		}
		if change != nil {
			change(c)
		}
		return c
	}
	keys, _ := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: service.Public(), KeyID: "k", Algorithm: "ES256", Use: "sig"}}})
	const own = "https://login.eveonline.com/oauth/jwks"
	tests := []struct {
		name, token, jwks string
		id                string
	}{
		{"as it should be", sign(service, jose.ES256, claims(nil)), own, "123123"},
		{"the issuer as a URL", sign(service, jose.ES256, claims(func(c map[string]any) { c["iss"] = "https://login.eveonline.com" })), own, "123123"},
		{"the issuer as a URL with a slash", sign(service, jose.ES256, claims(func(c map[string]any) { c["iss"] = "https://login.eveonline.com/" })), own, "123123"},
		{"the issuer as a URL with more", sign(service, jose.ES256, claims(func(c map[string]any) { c["iss"] = "https://login.eveonline.com/x" })), own, ""},
		{"signed by a stranger", sign(stranger, jose.ES256, claims(nil)), own, ""},
		{"signed with the client's secret", sign([]byte("a secret of thirty-two bytes or so"), jose.HS256, claims(nil)), own, ""},
		{"another issuer", sign(service, jose.ES256, claims(func(c map[string]any) { c["iss"] = "login.evil.example" })), own, ""},
		{"another client", sign(service, jose.ES256, claims(func(c map[string]any) { c["aud"] = []string{"other", "EVE Online"} })), own, ""},
		{"another audience", sign(service, jose.ES256, claims(func(c map[string]any) { c["aud"] = "id" })), own, ""},
		{"expired", sign(service, jose.ES256, claims(func(c map[string]any) { c["exp"] = time.Now().Add(-time.Minute).Unix() })), own, ""},
		{"a corporation", sign(service, jose.ES256, claims(func(c map[string]any) { c["sub"] = "CORPORATION:EVE:123123" })), own, ""},
		{"no character", sign(service, jose.ES256, claims(func(c map[string]any) { c["sub"] = "CHARACTER:EVE:0" })), own, ""},
		{"more than a character", sign(service, jose.ES256, claims(func(c map[string]any) { c["sub"] = "CHARACTER:EVE:1\n2" })), own, ""},
		{"no token", "opaque", own, ""},
		{"keys of another host", sign(service, jose.ES256, claims(nil)), "https://evil.example/jwks", ""},
		{"keys of a host with the same beginning", sign(service, jose.ES256, claims(nil)), "https://login.eveonline.com.evil.example/jwks", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			answer, _ := json.Marshal(map[string]any{"access_token": tt.token, "token_type": "Bearer"})
			const metadata = "https://login.eveonline.com/.well-known/oauth-authorization-server"
			answers := canned{
				"https://login.eveonline.com/v2/oauth/token": string(answer),
				metadata: `{"jwks_uri":"` + tt.jwks + `"}`,
				tt.jwks:  string(keys),
			}
			user, err := answers.exchange(t, corrected.Of(eveonline.New("id", "secret", "")))
			for _, address := range []string{metadata, tt.jwks} { // nothing is known without both
				for _, how := range []string{"no answer", "a fault", "half an answer", "a list"} {
					user, _, err := corrected.Of(eveonline.New("id", "secret", "")).(*corrected.Provider).ExchangeCode(
						context.WithValue(t.Context(), oauth2.HTTPClient, &http.Client{Transport: cutting{answers, address, how}}), "https://app.example.com/callback", "code", "")
					if err == nil || user.UserID != "" {
						t.Errorf("%s, %s: %+v", address, how, user)
					}
				}
			}
			if user.UserID != tt.id || (err == nil) != (tt.id != "") {
				t.Errorf("%+v, %v", user, err)
			}
			if err != nil && strings.Contains(err.Error(), tt.token) {
				t.Errorf("%v repeats the token", err)
			}
			if strings.Contains(tt.name, "issuer") && err != nil && !strings.Contains(err.Error(), "issuer") {
				t.Errorf("the log would say %v", err)
			}
		})
	}
}
