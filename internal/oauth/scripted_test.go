package oauth_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	goidc "github.com/coreos/go-oidc/v3/oidc"
	"github.com/markbates/goth"
	"github.com/markbates/goth/providers/faux"
	"github.com/markbates/goth/providers/github"
	"github.com/markbates/goth/providers/openidConnect"
	"golang.org/x/oauth2"

	"github.com/ginauth/ginauth/internal/oauth"
)

// scripted is an AuthCodeProvider that says what it is told to say.
type scripted struct {
	faux.Provider
	user goth.User
	tok  *oauth2.Token
	err  error
	ctx  context.Context // of the last call
}

func (p *scripted) AuthCodeURL(ctx context.Context, redirectURL, state, nonce string, opts ...oauth2.AuthCodeOption) (string, error) {
	p.ctx = ctx
	if p.err != nil {
		return "", p.err
	}
	config := oauth2.Config{ClientID: "client", Endpoint: oauth2.Endpoint{AuthURL: "https://id.example/authorize"}}
	return config.AuthCodeURL(state, append(opts, oauth2.SetAuthURLParam("nonce", nonce))...), nil
}

func (p *scripted) ExchangeCode(ctx context.Context, _, _, _ string, _ ...oauth2.AuthCodeOption) (goth.User, *oauth2.Token, error) {
	p.ctx = ctx
	return p.user, p.tok, p.err
}

// issuing has an issuer, as an OpenID provider.
type issuing struct {
	*scripted
	issuer    string
	required  bool
	issuerErr error
	panics    bool
}

func (p issuing) AuthorizationIssuer(ctx context.Context) (string, bool, error) {
	p.ctx = ctx
	if p.panics {
		panic("driver")
	}
	return p.issuer, p.required, p.issuerErr
}

// familiar takes every issuer whose name begins with its own, and any name that is empty.
type familiar struct{ issuing }

func (familiar) AcceptsIssuer(issuer, sent string) bool {
	return sent == "" || strings.HasPrefix(sent, issuer)
}

const scriptedIssuer = "https://id.example"

func register(t *testing.T, p goth.Provider, params url.Values) *oauth.Provider {
	t.Helper()
	registered, err := oauth.New(oauth.Config{ID: "p", Provider: p, Params: params})
	if err != nil {
		t.Fatal(err)
	}
	return registered
}

// RFC 9207 §2.4: an answer that names another issuer than its sign-in's is refused, and so
// is one that names none where this issuer always does. A server that names no issuer is
// not asked for one. Of several issuers the one that answered must have made the tokens.
func TestComplete_MixUp(t *testing.T) {
	t.Parallel()
	const absent = "absent"
	for _, row := range []struct {
		name     string
		issuer   string
		required bool
		family   bool
		sent     []string // in the answer
		made     string   // the iss of the tokens
		refused  string
	}{
		{"the issuer's own", scriptedIssuer, true, false, []string{scriptedIssuer}, scriptedIssuer, ""},
		{"none", scriptedIssuer, false, false, nil, scriptedIssuer, ""},
		{"none, where it is required", scriptedIssuer, true, false, nil, scriptedIssuer, "its iss is missing, expected https://id.example"},
		{"an empty one", scriptedIssuer, false, false, []string{""}, scriptedIssuer, "its iss is missing"},
		{"two", scriptedIssuer, false, false, []string{scriptedIssuer, scriptedIssuer}, scriptedIssuer, "its iss is missing"},
		{"another", scriptedIssuer, false, false, []string{"https://evil.example?x=s3cret"}, scriptedIssuer, "its iss is https://evil.example, expected https://id.example"},
		{"one of a server without", "", false, false, []string{"https://evil.example"}, "", ""},
		{"one of a server without, which requires it", "", true, false, nil, "", ""},
		{"one of several", scriptedIssuer, false, true, []string{scriptedIssuer + "/a"}, scriptedIssuer + "/a", ""},
		{"one of several, with another's tokens", scriptedIssuer, false, true, []string{scriptedIssuer + "/a"}, scriptedIssuer + "/b", "its iss is https://id.example/b, expected https://id.example/a"},
		{"one of several, with tokens of nobody", scriptedIssuer, false, true, []string{scriptedIssuer + "/a"}, absent, "expected https://id.example/a"},
		{"that of all, with the tokens of one", scriptedIssuer, false, true, []string{scriptedIssuer}, scriptedIssuer + "/a", ""},
		{"none of several", scriptedIssuer, false, true, nil, scriptedIssuer + "/a", ""},
		{"an empty one of several", scriptedIssuer, false, true, []string{""}, scriptedIssuer + "/a", "its iss is missing"},
	} {
		s := &scripted{user: goth.User{UserID: "7", RawData: map[string]any{"iss": row.made}}, tok: &oauth2.Token{}}
		if row.made == absent {
			delete(s.user.RawData, "iss")
		}
		var provider goth.Provider = issuing{scripted: s, issuer: row.issuer, required: row.required}
		if row.family {
			provider = familiar{provider.(issuing)}
		}
		p := register(t, provider, nil)
		_, tx, err := p.Begin(t.Context(), appCallback, nil, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		answer := answerTo(tx)
		if row.sent != nil {
			answer["iss"] = row.sent
		}
		id, err := p.Complete(t.Context(), tx, appCallback, answer, time.Now())
		if row.refused == "" {
			if err != nil || id.Profile.UserID != "7" {
				t.Errorf("%s: %v", row.name, err)
			}
			continue
		}
		if id.Profile.UserID != "" || !errors.Is(err, oauth.ErrIssuer) || !strings.Contains(err.Error(), row.refused) ||
			!strings.Contains(err.Error(), "another issuer") || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v, want %q", row.name, err, row.refused)
		}
	}
}

// Another site may name the issuer that a sign-in is to begin at, and nothing else.
func TestIsIssuer(t *testing.T) {
	t.Parallel()
	own := issuing{scripted: &scripted{}, issuer: scriptedIssuer}
	for _, row := range []struct {
		provider goth.Provider
		sent     string
		want     bool
	}{
		{own, scriptedIssuer, true}, {own, scriptedIssuer + "/", false}, {own, "https://evil.example", false}, {own, "", false},
		{familiar{own}, scriptedIssuer + "/a", true}, {familiar{own}, "https://evil.example", false}, {familiar{own}, "", false},
		{issuing{scripted: &scripted{}}, "", false}, {familiar{issuing{scripted: &scripted{}}}, "https://any.example", false},
		{&scripted{}, "", false}, {&scripted{}, scriptedIssuer, false},
	} {
		if got, err := register(t, row.provider, nil).IsIssuer(t.Context(), row.sent); got != row.want || err != nil {
			t.Errorf("%T, %q: %v, %v", row.provider, row.sent, got, err)
		}
	}
	broken := issuing{scripted: &scripted{}, issuerErr: errors.New(`discovery failed {"body":1}`)}
	if ok, err := register(t, broken, nil).IsIssuer(t.Context(), scriptedIssuer); ok || err == nil || err.Error() != "discovery failed" {
		t.Errorf("%v, %v", ok, err)
	}
	if ok, err := register(t, issuing{scripted: &scripted{}, panics: true}, nil).IsIssuer(t.Context(), scriptedIssuer); ok || err == nil || !strings.Contains(err.Error(), "panicked") {
		t.Errorf("%v, %v", ok, err)
	}
}

// Whatever a provider's code does at either step, the step ends with an error that holds
// no secret, and so does its context.
func TestProviderFails(t *testing.T) {
	t.Parallel()
	s := &scripted{user: goth.User{UserID: "7"}}
	p := register(t, s, nil)
	_, tx, err := p.Begin(t.Context(), appCallback, nil, time.Now())
	if err != nil || !errors.Is(s.ctx.Err(), context.Canceled) {
		t.Fatal(err, s.ctx.Err())
	}
	s.err = fmt.Errorf("no %s for %s today", tx.Verifier, "code")
	if to, begun, err := p.Begin(t.Context(), appCallback, nil, time.Now()); to != "" || begun != nil || err == nil || !strings.HasPrefix(err.Error(), "no ") {
		t.Errorf("Begin: %q, %v, %v", to, begun, err)
	}
	if id, err := p.Complete(t.Context(), tx, appCallback, answerTo(tx), time.Now()); id.Profile.UserID != "" || err == nil || err.Error() != "no [redacted] for [redacted] today" {
		t.Errorf("Complete: %v", err)
	}
	if !errors.Is(s.ctx.Err(), context.Canceled) {
		t.Errorf("the context of Complete is %v", s.ctx.Err())
	}
	s.err, s.user.UserID = nil, ""
	if _, err := p.Complete(t.Context(), tx, appCallback, answerTo(tx), time.Now()); !errors.Is(err, oauth.ErrSubject) {
		t.Errorf("nobody: %v", err)
	}
	for name, provider := range map[string]issuing{
		"an error": {scripted: &scripted{}, issuerErr: errors.New("discovery failed")}, "a panic": {scripted: &scripted{}, panics: true},
	} {
		want := map[string]string{"an error": "discovery failed", "a panic": "oauth: the provider's code panicked"}[name]
		p := register(t, provider, nil)
		if to, begun, err := p.Begin(t.Context(), appCallback, nil, time.Now()); to != "" || begun != nil || err == nil || err.Error() != want {
			t.Errorf("Begin, %s: %q, %v", name, to, err)
		}
		if id, err := p.Complete(t.Context(), tx, appCallback, answerTo(tx), time.Now()); id.Profile.UserID != "" || err == nil || err.Error() != want {
			t.Errorf("Complete, %s: %v", name, err)
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if _, _, err := p.Begin(ended, appCallback, nil, time.Now()); errors.Is(err, context.Canceled) != (name == "a panic") {
			t.Errorf("Begin for a person who left, %s: %v", name, err)
		}
	}
}

// What an AuthCodeProvider says of itself is kept to, and a provider that says nothing gets
// the whole flow.
func TestNew_Flags(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		provider             goth.Provider
		pkce, formPost, open bool
	}{
		"nothing":            {&scripted{}, true, false, false},
		"an issuer":          {issuing{scripted: &scripted{}, issuer: scriptedIssuer}, true, false, true},
		"PKCE is refused":    {pkce{&scripted{}, true}, false, false, false},
		"PKCE is not":        {pkce{&scripted{}, false}, true, false, false},
		"form post":          {formPost{&scripted{}, true}, true, true, false},
		"no form post":       {formPost{&scripted{}, false}, true, false, false},
		"who reads answers":  {&answering{scripted: &scripted{}}, false, false, false},
		"goth's, plain":      {github.New("c", "s", ""), true, false, false},
		"goth's, of OpenID":  {byOpenIDConnect.provider(t, newIDP(t)), true, false, true},
		"what is valid":      {validated{&scripted{}, nil}, true, false, false},
		"goth's, that is no": {&validatedGoth{}, true, false, false},
	} {
		p := register(t, row.provider, nil)
		raw, tx, err := p.Begin(t.Context(), appCallback, nil, time.Now())
		if err != nil {
			t.Fatal(name, err)
		}
		u, err := url.Parse(raw)
		if err != nil || u.Query().Has("code_challenge") != row.pkce || (tx.Verifier != "") != row.pkce {
			t.Errorf("%s: %s, verifier %q, %v", name, raw, tx.Verifier, err)
		}
		if p.FormPost() != row.formPost || tx.FormPost != row.formPost || p.VerifiesIDTokens() != row.open {
			t.Errorf("%s: form post %v, id_tokens %v", name, p.FormPost(), p.VerifiesIDTokens())
		}
		if asks, _, err := p.BeginProof(t.Context(), appCallback, time.Now()); err != nil || strings.Contains(asks, "prompt=login") != row.open {
			t.Errorf("%s proves again at %s, %v", name, asks, err)
		}
	}
	if p, err := oauth.New(oauth.Config{ID: "p", Provider: validated{&scripted{}, errors.New("no issuer is set")}}); p != nil || err == nil || !strings.Contains(err.Error(), "no issuer is set") {
		t.Errorf("what is not valid: %v, %v", p, err)
	}
	off, err := oauth.New(oauth.Config{ID: "p", Provider: &scripted{}, DisablePKCE: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, tx, err := off.Begin(t.Context(), appCallback, nil, time.Now()); err != nil || tx.Verifier != "" {
		t.Errorf("without PKCE: %+v, %v", tx, err)
	}
}

type pkce struct {
	*scripted
	refused bool
}

func (p pkce) RefusesPKCE() bool { return p.refused }

type formPost struct {
	*scripted
	on bool
}

func (p formPost) FormPost() bool { return p.on }

type validated struct {
	*scripted
	fault error
}

func (p validated) Validate() error { return p.fault }

// validatedGoth is no AuthCodeProvider: what its method of that name means is not known.
type validatedGoth struct {
	faux.Provider
	HTTPClient *http.Client
}

func (*validatedGoth) Validate() error { return errors.New("something else") }

// answering is a provider whose service answers without a code.
type answering struct {
	*scripted
	got url.Values
}

func (p *answering) ReadAnswer(_ context.Context, redirectURL, state string, answer url.Values) (goth.User, error) {
	p.got = url.Values{"redirect": {redirectURL}, "state": {state}, "who": answer["who"]}
	if answer.Get("who") == "" {
		return goth.User{}, errors.New("the answer names nobody")
	}
	return goth.User{UserID: answer.Get("who")}, nil
}

// An answer without a code is the provider's to read, once its state is the sign-in's.
func TestReadAnswer(t *testing.T) {
	t.Parallel()
	a := &answering{scripted: &scripted{}}
	p := register(t, a, url.Values{"prompt": {"none"}})
	raw, tx, err := p.Begin(t.Context(), appCallback, nil, time.Now())
	if err != nil || strings.Contains(raw, "prompt") { // its URL is its own
		t.Fatal(raw, err)
	}
	id, err := p.Complete(t.Context(), tx, appCallback, url.Values{"state": {tx.State}, "who": {"ada"}}, time.Now())
	if err != nil || id.Profile.UserID != "ada" || a.got.Get("redirect") != appCallback || a.got.Get("state") != tx.State {
		t.Errorf("%+v, %v, asked with %v", id, err, a.got)
	}
	if id, err := p.Complete(t.Context(), tx, appCallback, url.Values{"state": {tx.State}}, time.Now()); id.Profile.UserID != "" || err == nil || err.Error() != "the answer names nobody" {
		t.Errorf("nobody: %+v, %v", id, err)
	}
	a.got = nil
	if _, err := p.Complete(t.Context(), tx, appCallback, url.Values{"state": {"another"}, "who": {"ada"}}, time.Now()); !errors.Is(err, oauth.ErrTransaction) || a.got != nil {
		t.Errorf("another state: %v", err)
	}
}

// An id_token beside a plain OAuth 2.0 answer was verified by nobody, and proves nothing.
func TestAuthentication_Plain(t *testing.T) {
	t.Parallel()
	raw := jwt(`{"auth_time":1800000000,"iat":1800000000,"amr":["mfa"],"acr":"gold"}`)
	for name, row := range map[string]struct {
		provider func(s *scripted) goth.Provider
		raw      string
		proves   bool
	}{
		"plain":            {func(s *scripted) goth.Provider { return s }, raw, false},
		"of OpenID":        {func(s *scripted) goth.Provider { return issuing{scripted: s} }, raw, true},
		"of OpenID, none":  {func(s *scripted) goth.Provider { return issuing{scripted: s} }, "", false},
		"as late as it is": {func(s *scripted) goth.Provider { return issuing{scripted: s} }, jwt(`{"auth_time":1800000300,"iat":1800000000}`), true},
		"without iat":      {func(s *scripted) goth.Provider { return issuing{scripted: s} }, jwt(`{"auth_time":1800000000}`), false},
		"a second later":   {func(s *scripted) goth.Provider { return issuing{scripted: s} }, jwt(`{"auth_time":1800000301,"iat":1800000000}`), false},
	} {
		s := &scripted{user: goth.User{UserID: "7", IDToken: row.raw}, tok: &oauth2.Token{}}
		p := register(t, row.provider(s), nil)
		_, tx, err := p.Begin(t.Context(), appCallback, nil, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		id, err := p.Complete(t.Context(), tx, appCallback, answerTo(tx), time.Now())
		if err != nil || id.Proved.Time.IsZero() == row.proves || !row.proves && (len(id.Proved.Methods) > 0 || id.Proved.Class != "") {
			t.Errorf("%s: %+v, %v", name, id.Proved, err)
		}
	}
}

// failingLogout refuses a logout token, and repeats it.
type failingLogout struct{ lax }

func (failingLogout) VerifyLogoutToken(_ context.Context, raw string) (*goidc.LogoutToken, error) {
	return nil, errors.New("bad token " + raw)
}

func TestVerifyLogout_Fails(t *testing.T) {
	t.Parallel()
	p := register(t, failingLogout{lax{Provider: github.New("c", "s", "")}}, nil)
	tok, err := p.VerifyLogout(t.Context(), "the-raw-token", time.Now())
	if tok != nil || err == nil || err.Error() != "bad token [redacted]" || errors.Is(err, context.Canceled) {
		t.Errorf("%v, %v", tok, err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.VerifyLogout(ended, "the-raw-token", time.Now()); !errors.Is(err, context.Canceled) {
		t.Errorf("when the caller has left: %v", err)
	}
}

// renewing renews tokens by code that panics, and notes its context.
type renewing struct{ *scripted }

func (p renewing) RefreshTokenContext(ctx context.Context, _ string) (*oauth2.Token, error) {
	p.ctx = ctx
	panic("driver")
}

func TestRefresh_Panics(t *testing.T) {
	t.Parallel()
	s := &scripted{}
	tok, err := register(t, renewing{s}, nil).Refresh(t.Context(), "refresh")
	if tok != nil || err == nil || !strings.Contains(err.Error(), "panicked") || !errors.Is(s.ctx.Err(), context.Canceled) {
		t.Errorf("%v, %v, the context is %v", tok, err, s.ctx.Err())
	}
}

// Outside of a sign-in there is nothing to leave a note on.
func TestLeave_Nowhere(t *testing.T) {
	t.Parallel()
	oauth.Leave(context.Background(), "something", errors.New("why"))
}

// A person who leaves while the provider's code runs ends the sign-in with that, whatever the
// code makes of it.
func TestComplete_PersonLeaves(t *testing.T) {
	t.Parallel()
	s := &leaving{scripted: &scripted{err: errors.New("no tokens today")}}
	p := register(t, s, nil)
	for name, leaves := range map[string]bool{"stays": false, "leaves": true} {
		s.scripted.err = nil
		_, tx, err := p.Begin(t.Context(), appCallback, nil, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		s.scripted.err, s.leaves = errors.New("no tokens today"), nil
		if leaves {
			s.leaves = cancel
		}
		_, err = p.Complete(ctx, tx, appCallback, answerTo(tx), time.Now())
		if errors.Is(err, context.Canceled) != leaves || err == nil || !leaves && err.Error() != "no tokens today" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// leaving is a provider whose person leaves while the code is exchanged.
type leaving struct {
	*scripted
	leaves func()
}

func (p *leaving) ExchangeCode(ctx context.Context, redirectURL, code, nonce string, opts ...oauth2.AuthCodeOption) (goth.User, *oauth2.Token, error) {
	if p.leaves != nil {
		p.leaves()
	}
	return p.scripted.ExchangeCode(ctx, redirectURL, code, nonce, opts...)
}

// noting leaves notes on the sign-in.
type noting struct{ *scripted }

func (p noting) ExchangeCode(ctx context.Context, redirectURL, code, nonce string, opts ...oauth2.AuthCodeOption) (goth.User, *oauth2.Token, error) {
	oauth.Leave(ctx, "the picture", errors.New("too large"))
	oauth.Leave(ctx, "the groups", errors.New("too many"))
	return p.scripted.ExchangeCode(ctx, redirectURL, code, nonce, opts...)
}

// A sign-in has the notes that were left on it, in their order, and none that comes later.
func TestLeave(t *testing.T) {
	t.Parallel()
	s := &scripted{user: goth.User{UserID: "7"}}
	p := register(t, noting{s}, nil)
	_, tx, err := p.Begin(t.Context(), appCallback, nil, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	id, err := p.Complete(t.Context(), tx, appCallback, answerTo(tx), time.Now())
	oauth.Leave(s.ctx, "the address", errors.New("too late"))
	if got := fmt.Sprint(id.Notes); err != nil || got != "[{the picture too large} {the groups too many}]" {
		t.Errorf("the notes are %s, %v", got, err)
	}
}

// An OpenID provider of goth's whose authorization endpoint was no URL begins no sign-in.
func TestBegin_NoURL(t *testing.T) {
	t.Parallel()
	idp := newIDP(t)
	idp.TamperDiscovery(func(doc map[string]any) { doc["authorization_endpoint"] = "http://[::1/authorize" })
	provider, err := openidConnect.New(idp.ClientID(), idp.ClientSecret(), "", idp.Issuer()+"/.well-known/openid-configuration", "openid")
	if err != nil {
		t.Fatal(err)
	}
	idp.TamperDiscovery(nil) // which goth has read already
	to, tx, err := register(t, provider, nil).Begin(t.Context(), appCallback, nil, time.Now())
	if to != "" || tx != nil || err == nil || !strings.Contains(err.Error(), "not an http(s) URL") {
		t.Errorf("%q, %v, %v", to, tx, err)
	}
}
