package oauth_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/markbates/goth"
	"github.com/markbates/goth/providers/auth0"
	"github.com/markbates/goth/providers/bitly"
	"github.com/markbates/goth/providers/faux"
	"github.com/markbates/goth/providers/fitbit"
	"github.com/markbates/goth/providers/github"
	"github.com/markbates/goth/providers/google"
	"github.com/markbates/goth/providers/openidConnect"
	"golang.org/x/oauth2"

	"github.com/ginauth/ginauth/internal/oauth"
	"github.com/ginauth/ginauth/oidc"
	"github.com/ginauth/ginauth/providers/mailru"
)

// What was given to a constructor is read of the fields that goth's providers have for it.
func TestAsMade(t *testing.T) {
	t.Parallel()
	type redirected struct {
		faux.Provider
		RedirectURL, ClientSecret string
	}
	type unexported struct {
		faux.Provider
		CallbackURL, secret string
	}
	type keyed struct {
		faux.Provider
		APIKey string
	}
	type odd struct {
		faux.Provider
		CallbackURL, Secret int
	}
	for name, row := range map[string]struct {
		provider goth.Provider
		want     oauth.Made
	}{
		"goth's":                     {github.New("c", "s", "https://app.example/cb"), oauth.Made{CallbackURL: "https://app.example/cb"}},
		"goth's, without a secret":   {github.New("c", "", ""), oauth.Made{NoSecret: true}},
		"other names":                {&redirected{RedirectURL: "https://app.example/cb", ClientSecret: "s"}, oauth.Made{CallbackURL: "https://app.example/cb"}},
		"other names, none there":    {&redirected{}, oauth.Made{NoSecret: true}},
		"a field of its own":         {&unexported{CallbackURL: "x", secret: "s"}, oauth.Made{CallbackURL: "x"}},
		"a field of its own, empty":  {&unexported{CallbackURL: "x"}, oauth.Made{CallbackURL: "x", NoSecret: true}},
		"an API's key":               {&keyed{APIKey: "k"}, oauth.Made{}},
		"an API's key, none":         {&keyed{}, oauth.Made{NoSecret: true}},
		"no place for either":        {&faux.Provider{}, oauth.Made{}},
		"places for something else":  {&odd{}, oauth.Made{}},
		"one of which nothing shows": {valued{&faux.Provider{}}, oauth.Made{}},
	} {
		if got := oauth.AsMade(row.provider); got != row.want {
			t.Errorf("%s: %+v, want %+v", name, got, row.want)
		}
	}
}

// numbersOnly is a provider that points to no struct.
type numbersOnly int

func (*numbersOnly) Name() string                                  { return "numbers" }
func (*numbersOnly) SetName(string)                                {}
func (*numbersOnly) Debug(bool)                                    {}
func (*numbersOnly) RefreshTokenAvailable() bool                   { return false }
func (*numbersOnly) BeginAuth(string) (goth.Session, error)        { return nil, nil }
func (*numbersOnly) UnmarshalSession(string) (goth.Session, error) { return nil, nil }
func (*numbersOnly) FetchUser(goth.Session) (goth.User, error)     { return goth.User{}, nil }
func (*numbersOnly) RefreshToken(string) (*oauth2.Token, error)    { return nil, nil }

// mistyped has a client that is none, and an identifier that is none.
type mistyped struct {
	faux.Provider
	HTTPClient string
	ClientID   int
}

// promoted has the client of another provider in it, which may be shared.
type promoted struct{ *faux.Provider }

// What a sign-in cannot be bound to is refused when the provider is registered.
func TestNewRefuses_Unbound(t *testing.T) {
	t.Parallel()
	issuer := &openidConnect.OpenIDConfig{Issuer: "https://id.example", TokenEndpoint: "https://id.example/token"}
	for name, row := range map[string]struct {
		provider goth.Provider
		want     string
	}{
		"no struct":                 {new(numbersOnly), "is not a pointer to a struct"},
		"a client of another type":  {&mistyped{}, "has no field HTTPClient of type *http.Client"},
		"another provider's client": {&promoted{&faux.Provider{}}, "has no field HTTPClient of type *http.Client"},
		"no token endpoint":         {auth0.New("c", "s", "", ""), "has no token endpoint"},
		"no configuration":          {&openidConnect.Provider{ClientKey: "c", OpenIDConfig: issuer}, "does not keep an oauth2.Config"},
	} {
		if p, err := oauth.New(oauth.Config{ID: "p", Provider: row.provider}); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: %v, %v, want %q", name, p, err, row.want)
		}
	}
	// A provider whose own flow needs no client may have anything in that field.
	if _, err := oauth.New(oauth.Config{ID: "p", Provider: &typedFlow{scripted: &scripted{}}}); err != nil {
		t.Error(err)
	}
}

// typedFlow runs its own flow, and has a field HTTPClient for something else.
type typedFlow struct {
	*scripted
	HTTPClient string
	ClientID   int
}

// named calls itself something, or nothing, and may have a color.
type named struct {
	faux.Provider
	name, shown, color string
}

func (p *named) Name() string        { return p.name }
func (p *named) DisplayName() string { return p.shown }
func (p *named) Color() string       { return p.color }

// A provider's own word counts first, then what is known of its type, of its name and of
// its ID.
func TestNames(t *testing.T) {
	t.Parallel()
	mail := mailru.New("c", "s") // of a package that is called like one of goth's
	mail.SetName("mine")
	for _, row := range []struct {
		provider              goth.Provider
		id                    string
		shown, color, service string
	}{
		{&named{name: "acme", shown: "ACME", color: "#123456"}, "google", "ACME", "#123456", "acme"},
		{&named{name: "acme"}, "google", "Google", "#1967d2", "acme"},
		{&named{name: "acme"}, "acme", "Acme", "", "acme"},
		{&named{name: "github"}, "acme", "Acme", "#24292f", "github"},
		{github.New("", "", ""), "acme", "GitHub", "#24292f", "github"},
		{oidc.New(oidc.Config{Name: "acme", Issuer: "https://id.example", ClientID: "c"}), "google", "acme", "#1967d2", "acme"},
	} {
		if got := oauth.DisplayName(row.provider, row.id); got != row.shown {
			t.Errorf("%T %q as %s is shown as %q, want %q", row.provider, row.provider.Name(), row.id, got, row.shown)
		}
		if got := oauth.Color(row.provider, row.id); got != row.color {
			t.Errorf("%T %q as %s has the color %q, want %q", row.provider, row.provider.Name(), row.id, got, row.color)
		}
		if got := oauth.Service(row.provider); got != row.service {
			t.Errorf("%T %q is of the service %q, want %q", row.provider, row.provider.Name(), got, row.service)
		}
	}
	if got := oauth.Service(mail); got != "mine" {
		t.Errorf("Mail.ru as mine is of the service %q", got)
	}
}

// service answers by path, and notes what it was asked.
type serviceStub struct {
	answers map[string]string
	status  map[string]int

	mu   sync.Mutex
	seen []string
	auth []string // Authorization, and the form's client_id
}

func (s *serviceStub) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := req.ParseForm(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.seen = append(s.seen, req.URL.Path)
	s.auth = append(s.auth, req.Header.Get("Authorization")+" "+req.PostForm.Get("client_id"))
	s.mu.Unlock()
	status := http.StatusOK
	if of, ok := s.status[req.URL.Path]; ok {
		status = of
	}
	return httpAnswer(req, status, s.answers[req.URL.Path]), nil
}

func (s *serviceStub) client() *http.Client { return &http.Client{Transport: s} }

// goth's own providers, at services that answer in their special ways.
func TestServices(t *testing.T) {
	t.Parallel()
	const granted = `{"access_token":"t","token_type":"bearer"}`
	for name, row := range map[string]struct {
		provider goth.Provider
		stub     *serviceStub
		user     string
		verified bool
		refused  string
	}{
		"fitbit, whose person is in the token answer": {fitbit.New("c", "s", ""), &serviceStub{answers: map[string]string{
			"/oauth2/token": `{"access_token":"t","token_type":"bearer","user_id":"F7"}`, "/1/user/-/profile.json": `{"user":{"encodedId":"F7","fullName":"Ada"}}`,
		}}, "F7", false, ""},
		"fitbit, which refuses the code": {fitbit.New("c", "s", ""), &serviceStub{
			answers: map[string]string{"/oauth2/token": `{"error":"invalid_grant"}`}, status: map[string]int{"/oauth2/token": 400},
		}, "", false, "answered 400 invalid_grant"},
		"google, which names itself in no answer": {google.New("c", "s", ""), &serviceStub{answers: map[string]string{
			"/token": granted, "/oauth2/v2/userinfo": `{"id":"G7","email":"ada@example.com","verified_email":true}`,
		}}, "G7", true, ""},
		"bitly, whose person is a login": {bitly.New("c", "s", ""), &serviceStub{answers: map[string]string{
			"/oauth/access_token": granted, "/v4/user": `{"login":"kate","name":"Kate","emails":[{"email":"kate@example.com","is_primary":true,"is_verified":true}]}`,
		}}, "kate", true, ""},
		"github, with the number of nobody": {github.New("c", "s", ""), &serviceStub{answers: map[string]string{
			"/login/oauth/access_token": granted, "/user": `{"login":"kate"}`, "/user/emails": `[]`,
		}}, "", false, "no subject"},
		"github, where nothing is": {github.NewCustomisedURL("c", "s", "", "https://id.example/auth", "https://id.example/token", "https://id.example/user?x=secret", ""),
			&serviceStub{answers: map[string]string{"/token": granted}, status: map[string]int{"/user": 404}}, "", false, "oauth: the service https://id.example/user answered 404"},
		"github, at a broken address of the list": {github.NewCustomisedURL("c", "s", "", "https://id.example/auth", "https://id.example/token", "https://id.example/user", "https://id.example/%zz"),
			&serviceStub{answers: map[string]string{"/token": granted, "/user": `{"id":7,"login":"kate","email":"kate@example.com"}`}}, "7", false, ""},
		"github, without an address of the list": {github.NewCustomisedURL("c", "s", "", "https://id.example/auth", "https://id.example/token", "https://id.example/user", ""),
			&serviceStub{answers: map[string]string{"/token": granted, "/user": `{"id":7,"login":"kate","email":"kate@example.com"}`}}, "7", false, ""},
		"github, with entries of other types": {github.New("c", "s", "", "user:email"), &serviceStub{answers: map[string]string{
			"/login/oauth/access_token": granted, "/user": `{"id":7,"login":"kate","email":null}`,
			"/user/emails": `[{"email":"a@x","primary":true,"verified":"yes"},{"email":"b@x","primary":"yes","verified":true},{"email":"c@x","verified":null},{"email":"d@x","primary":null,"verified":true},{"email":"e@x","primary":true,"verified":true}]`,
		}}, "7", true, ""},
	} {
		id, err := signIn(t, oauth.Config{ID: "p", Provider: row.provider, HTTPClient: row.stub.client()})
		if row.refused != "" {
			if id.Profile.UserID != "" || err == nil || !strings.Contains(err.Error(), row.refused) || strings.Contains(err.Error(), "secret") {
				t.Errorf("%s: %+v, %v, want %q", name, id.Profile, err, row.refused)
			}
			continue
		}
		if err != nil || id.Profile.UserID != row.user || id.EmailVerified != row.verified {
			t.Errorf("%s: %q, verified %v, %v", name, id.Profile.UserID, id.EmailVerified, err)
		}
	}
}

// wayward is a provider that is not goth's and goes its own ways.
type wayward struct {
	faux.Provider
	HTTPClient *http.Client
	exchange   func(client *http.Client, code string) error
	restore    error
}

type waywardSession struct {
	goth.Session
	p *wayward
}

func (p *wayward) UnmarshalSession(string) (goth.Session, error) {
	return &waywardSession{p: p}, p.restore
}
func (p *wayward) FetchUser(goth.Session) (goth.User, error) { return goth.User{UserID: "7"}, nil }
func (s *waywardSession) Authorize(p goth.Provider, params goth.Params) (string, error) {
	return "", s.p.exchange(p.(*wayward).HTTPClient, params.Get("code"))
}

// A sign-in without a token request of its own, bound to its code verifier, is none.
func TestExchange_Wayward(t *testing.T) {
	t.Parallel()
	post := func(form string) func(client *http.Client, code string) error {
		return func(client *http.Client, code string) error {
			res, err := client.Post("https://id.example/token", "application/x-www-form-urlencoded", strings.NewReader(strings.ReplaceAll(form, "CODE", code)))
			if err == nil {
				_ = res.Body.Close()
			}
			return err
		}
	}
	for name, row := range map[string]struct {
		exchange func(client *http.Client, code string) error
		restore  error
		refused  string
		asked    int
	}{
		"honest":              {post("grant_type=authorization_code&code=CODE"), nil, "", 1},
		"no request":          {func(*http.Client, string) error { return nil }, nil, "no code verifier", 0},
		"no token request":    {func(c *http.Client, _ string) error { _, err := c.Get("https://id.example/me"); return err }, nil, "no code verifier", 1},
		"a form without code": {post("a=b"), nil, "no code verifier", 1},
		"a form that is none": {post("code=%zz"), nil, "invalid URL escape", 0},
		"a failure":           {func(*http.Client, string) error { return errors.New("no luck") }, nil, "no luck", 0},
		"no session":          {post("code=CODE"), errors.New("no session"), "no session", 0},
	} {
		stub := &serviceStub{answers: map[string]string{"/token": `{"access_token":"t","token_type":"bearer"}`, "/me": "{}"}}
		p := &wayward{exchange: row.exchange, restore: row.restore}
		id, err := signIn(t, oauth.Config{ID: "p", Provider: p, HTTPClient: stub.client()})
		if row.refused == "" && (err != nil || id.Profile.UserID != "7") || row.refused != "" && (id.Profile.UserID != "" || err == nil || !strings.Contains(err.Error(), row.refused)) {
			t.Errorf("%s: %q, %v, want %q", name, id.Profile.UserID, err, row.refused)
		}
		if len(stub.seen) != row.asked {
			t.Errorf("%s: asked at %q", name, stub.seen)
		}
	}
}

// Where a service reads the secret is not known of a provider that is not goth's:
// x/oauth2 tries the header and then the form, as long as nothing was used up.
func TestExchange_SecretsPlace(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		status int
		answer string
		sent   int
	}{
		"the client is not known":  {http.StatusUnauthorized, `{"error":"invalid_client"}`, 2},
		"the code is refused":      {http.StatusBadRequest, `{"error":"invalid_grant"}`, 1},
		"the code is refused, 200": {http.StatusOK, `{"error":"invalid_grant"}`, 2},
		"no JSON":                  {http.StatusUnauthorized, `go away`, 2},
	} {
		stub := &serviceStub{answers: map[string]string{"/token": row.answer}, status: map[string]int{"/token": row.status}}
		endpoint := oauth2.Endpoint{AuthURL: "https://id.example/authorize", TokenURL: "https://id.example/token"}
		_, err := signIn(t, oauth.Config{ID: "p", HTTPClient: stub.client(), Provider: &talkative{config: oauth2.Config{ClientID: "c", ClientSecret: "s", Endpoint: endpoint}}})
		if err == nil || len(stub.seen) != row.sent {
			t.Errorf("%s: sent %d times, %v", name, len(stub.seen), err)
		}
		if row.sent == 2 && (!strings.HasPrefix(stub.auth[0], "Basic ") || stub.auth[1] != " c") {
			t.Errorf("%s: sent with %q", name, stub.auth)
		}
	}
}

// A refresh token that may be used up is not sent again; one that was refused may be (RFC
// 9700 §4.14.2).
func TestRefresh_Once(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		status int
		answer string
		sent   int
	}{
		"refused":                        {400, `{"error":"invalid_client"}`, 2},
		"refused, the first of its kind": {401, `{"error":"invalid_client"}`, 2},
		"refused, the last of its kind":  {499, `{"error":"invalid_client"}`, 2},
		"refused with 200":               {200, `{"error":"invalid_client"}`, 2},
		"refused with 299":               {299, `{"error":"invalid_client"}`, 2},
		"refused, and granted":           {200, `{"error":"x","access_token":"t"}`, 1},
		"neither":                        {200, `{}`, 1},
		"moved":                          {399, `{}`, 1},
		"a fault of the server":          {500, `{"error":"server_error"}`, 1},
	} {
		stub := &serviceStub{answers: map[string]string{"/token": row.answer}, status: map[string]int{"/token": row.status}}
		odd := &oddRefresh{available: func() bool { return true }, refresh: func(client *http.Client, refreshToken string) (*oauth2.Token, error) {
			config := oauth2.Config{ClientID: "c", ClientSecret: "s", Endpoint: oauth2.Endpoint{TokenURL: "https://id.example/token"}}
			return config.TokenSource(context.WithValue(context.Background(), oauth2.HTTPClient, client), &oauth2.Token{RefreshToken: refreshToken}).Token()
		}}
		p, err := oauth.New(oauth.Config{ID: "p", Provider: odd, HTTPClient: stub.client()})
		if err != nil {
			t.Fatal(err)
		}
		if tok, err := p.Refresh(t.Context(), "refresh"); tok != nil || err == nil || len(stub.seen) != row.sent {
			t.Errorf("%s: sent %d times, %v, %v", name, len(stub.seen), tok, err)
		}
	}
}

// A provider of goth's openidConnect that is renewed first of all asks for its document,
// and takes an answer without an id_token (OpenID Connect Core §12.2).
func TestRefreshOpenID(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		answer func(answer map[string]any)
		want   string
	}{
		"as it comes":         {nil, ""},
		"without an id_token": {func(a map[string]any) { delete(a, "id_token") }, ""},
		"an empty id_token":   {func(a map[string]any) { a["id_token"] = "" }, ""},
		"a number for it":     {func(a map[string]any) { a["id_token"] = 7 }, ""},
		"another token type":  {func(a map[string]any) { a["token_type"] = "DPoP" }, "not Bearer"},
	} {
		b := byOpenIDConnect.start(t)
		first := b.grant(t)
		b.idp.TamperToken(row.answer)
		tok, err := b.Refresh(t.Context(), first.RefreshToken)
		if row.want == "" && (err != nil || tok.AccessToken == "") || row.want != "" && (tok != nil || err == nil || !strings.Contains(err.Error(), row.want)) {
			t.Errorf("%s: %v, %v", name, tok, err)
		}
	}
	idp := newIDP(t)
	p, err := oauth.New(oauth.Config{ID: "p", Provider: byOpenIDConnect.provider(t, idp), HTTPClient: &http.Client{Transport: roundTrip(func(*http.Request) (*http.Response, error) {
		return nil, errors.New("the line is dead")
	})}})
	if err != nil {
		t.Fatal(err)
	}
	if tok, err := p.Refresh(t.Context(), "refresh"); tok != nil || err == nil || !strings.Contains(err.Error(), "the line is dead") {
		t.Errorf("without a document: %v, %v", tok, err)
	}
	_, tx, err := register(t, byOpenIDConnect.provider(t, idp), nil).Begin(t.Context(), appCallback, nil, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if id, err := p.Complete(t.Context(), tx, appCallback, answerTo(tx), time.Now()); id.Profile.UserID != "" || err == nil || !strings.Contains(err.Error(), "the line is dead") {
		t.Errorf("without a document: %v", err)
	}
}

// Of two forms of one secret the service gets the one that it reads, and the other is not
// sent (RFC 6749 §2.3).
func TestAuthenticate(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		provider goth.Provider
		path     string
		want     string
	}{
		"in the form":   {github.New("c i+d", "s", ""), "/login/oauth/access_token", " c i+d"},
		"in the header": {fitbit.New("c", "s", ""), "/oauth2/token", "Basic Yzpz "},
	} {
		stub := &serviceStub{answers: map[string]string{}, status: map[string]int{row.path: 401}}
		_, err := signIn(t, oauth.Config{ID: "p", Provider: row.provider, HTTPClient: stub.client()})
		if err == nil || !slices.Equal(stub.auth, []string{row.want}) {
			t.Errorf("%s: %q, %v", name, stub.auth, err)
		}
	}
}

// The words that a person's browser cannot change.
func TestErrorWords(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]string{
		oauth.ErrTransaction: "belongs to no sign-in", oauth.ErrIssuer: "another issuer", oauth.ErrCode: "no usable authorization code", oauth.ErrSubject: "no subject",
	} {
		if shown := oauth.Redact(fmt.Errorf("x {body}: %w", err)); !strings.Contains(shown.Error(), want) || !errors.Is(shown, err) {
			t.Errorf("%v", shown)
		}
	}
}
