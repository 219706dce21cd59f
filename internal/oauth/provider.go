// Package oauth runs one sign-in at one identity provider: the authorization
// code flow of RFC 6749 §4.1 with state, PKCE (RFC 7636), nonce (OpenID Connect
// Core §3.1.2.1) and issuer identification (RFC 9207), on providers of goth,
// whose own flow lacks the last three. It does not know cookies, sessions, users or
// the web framework.
package oauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"

	"github.com/markbates/goth"
	"golang.org/x/oauth2"

	"github.com/ginauth/ginauth/internal/ascii"
	"github.com/ginauth/ginauth/internal/fetch"
)

// AuthCodeProvider is a provider that runs the authorization code flow itself,
// with a context and a nonce. ginauth.AuthCodeProvider documents it.
type AuthCodeProvider interface {
	goth.Provider
	AuthCodeURL(ctx context.Context, redirectURL, state, nonce string, opts ...oauth2.AuthCodeOption) (string, error)
	ExchangeCode(ctx context.Context, redirectURL, code, nonce string, opts ...oauth2.AuthCodeOption) (goth.User, *oauth2.Token, error)
}

// AnswerProvider is an AuthCodeProvider whose service answers with no code: it says
// in the callback's parameters who signed in, and the provider asks the service
// whether it did. Only the state is checked beforehand, so the answer itself must
// be bound to redirectURL and state.
type AnswerProvider interface {
	AuthCodeProvider
	ReadAnswer(ctx context.Context, redirectURL, state string, answer url.Values) (goth.User, error)
}

// RefreshProvider is an AuthCodeProvider that renews access tokens with a
// context. ginauth.RefreshProvider documents it.
type RefreshProvider interface {
	RefreshTokenContext(ctx context.Context, refreshToken string) (*oauth2.Token, error)
}

// Config is one configured provider.
type Config struct {
	ID          string
	Provider    goth.Provider
	Params      url.Values   // added to every authorization URL
	DisablePKCE bool         // for the rare server that refuses the parameters
	HTTPClient  *http.Client // its transport carries the requests; nil: the default one
}

// A Provider runs sign-ins at one identity provider. It is immutable and safe
// for concurrent use.
type Provider struct {
	id       string
	clientID string
	unnamed  bool
	params   url.Values
	pkce     bool
	formPost bool
	openID   bool     // it issues id_tokens
	noTime   bool     // without auth_time, whatever is asked for
	echoes   []string // parameters of the answer that go into the token request
	reader   AnswerProvider
	client   *http.Client
	engine   engine

	endSession EndSessionProvider // nil: it ends none
	logout     LogoutVerifier     // nil: it sends no logout tokens
	idTokens   IDTokenVerifier    // nil: it verifies none that are handed over
}

// An engine speaks to one kind of provider.
type engine interface {
	// begin returns the authorization URL and what the provider wants to have back.
	begin(ctx context.Context, r request) (authURL, session string, err error)
	// exchange trades the code for tokens and the person's profile.
	exchange(ctx context.Context, r request, code, session string) (Identity, error)
	// issuer is the issuer identifier of authorization responses, empty if the
	// provider has none, and whether it must be in them (RFC 9207 §2.4).
	issuer(ctx context.Context) (issuer string, required bool, err error)
	// accepts reports whether an answer may name sent as its issuer.
	accepts(issuer, sent string) bool
	// refreshes reports whether refresh can work at all.
	refreshes() bool
	// refresh trades a refresh token for new tokens.
	refresh(ctx context.Context, refreshToken string) (*oauth2.Token, error)
}

// Identity is who signed in, as the provider says.
type Identity struct {
	Profile       goth.User
	Token         *oauth2.Token
	EmailVerified bool // the provider vouches that Profile.Email is the person's
	Proved        Authentication
	Notes         []Note
}

// request is what both steps of one sign-in share.
type request struct {
	redirectURL string
	state       string
	nonce       string
	verifier    string            // empty without PKCE
	echoed      map[string]string // of the provider's answer, for the token request
}

// New chooses the engine for a provider, which is not nil, and copies what it needs of it, so that
// later changes to the provider do not reach sign-ins under way.
func New(c Config) (*Provider, error) {
	p := &Provider{id: c.ID, params: c.Params, pkce: !c.DisablePKCE, clientID: clientID(c.Provider), openID: issuesIDTokens(c.Provider)}
	if id, found := findClientID(c.Provider); found && id == "" {
		p.unnamed = true
	}
	client := c.HTTPClient
	if own := field(c.Provider, "HTTPClient"); own.IsValid() {
		if h, _ := own.Interface().(*http.Client); h != nil {
			client = h // the one this very provider was given
		}
	}
	var base http.RoundTripper
	if client != nil {
		base = client.Transport
	}
	p.client = fetch.Client(base)
	if err := errors.Join(CheckParams(c.Params), checkScope(c.Params, p.openID), validate(c.Provider)); err != nil {
		return nil, err
	}
	p.endSession, _ = c.Provider.(EndSessionProvider)
	p.logout, _ = c.Provider.(LogoutVerifier)
	p.idTokens, _ = c.Provider.(IDTokenVerifier)
	if flow, ok := c.Provider.(AuthCodeProvider); ok {
		if v, ok := c.Provider.(interface{ RefusesPKCE() bool }); ok && v.RefusesPKCE() {
			p.pkce = false
		}
		if v, ok := c.Provider.(interface{ LacksAuthTime() bool }); ok {
			p.noTime = v.LacksAuthTime()
		}
		if v, ok := c.Provider.(interface{ FormPost() bool }); ok {
			p.formPost = v.FormPost()
		}
		if p.reader, ok = c.Provider.(AnswerProvider); ok {
			p.pkce = false
		}
		if v, ok := c.Provider.(interface{ CallbackParams() []string }); ok {
			p.echoes = v.CallbackParams()
		}
		p.engine = codeEngine{flow}
		return p, nil
	}
	var err error
	p.engine, err = newGothEngine(c.Provider, p.client.Transport)
	return p, err
}

// IsIssuer reports whether an issuer identifier, as another site names it, is the
// provider's own, or one that its answers may name.
func (p *Provider) IsIssuer(ctx context.Context, sent string) (ok bool, err error) {
	ctx, cancel := p.context(ctx)
	defer cancel()
	defer recovered(ctx, &err)
	issuer, _, err := p.engine.issuer(ctx)
	if err != nil {
		return false, Redact(err)
	}
	return issuer != "" && sent != "" && p.engine.accepts(issuer, sent), nil
}

// validate asks an AuthCodeProvider that can say so what is wrong with it.
func validate(p goth.Provider) error {
	_, ok := p.(AuthCodeProvider)
	v, says := p.(interface{ Validate() error })
	if !ok || !says {
		return nil
	}
	return v.Validate()
}

// VerifiesIDTokens reports that the provider issues id_tokens, and that they are verified:
// with them it says how and when a person proved who they are.
func (p *Provider) VerifiesIDTokens() bool { return p.openID }

// FormPost reports that the provider's answers come in a cross-site POST.
func (p *Provider) FormPost() bool { return p.formPost }

// Unnamed reports that the provider was made with an empty client identifier.
func (p *Provider) Unnamed() bool { return p.unnamed }

// Made is what somebody gave the constructor of a goth provider.
type Made struct {
	CallbackURL string // empty too where the provider does not tell
	NoSecret    bool   // it has a place for a secret, and nothing is there
}

// AsMade reads what a provider was made with.
func AsMade(p goth.Provider) (m Made) {
	text := func(names ...string) (value string, found bool) {
		for _, name := range names {
			if f := field(p, name); f.Kind() == reflect.String {
				return f.String(), true
			}
		}
		return "", false
	}
	m.CallbackURL, _ = text("CallbackURL", "RedirectURL")
	secret, found := text("Secret", "ClientSecret", "secret", "APIKey")
	m.NoSecret = found && secret == ""
	return m
}

// Strays reports whether the provider was made with a callback URL that is none of those
// used. A used one holds in angle brackets what a request will tell.
func (m Made) Strays(used []string) bool {
	same := func(url string) bool {
		return m.CallbackURL == url || strings.Contains(url, ">") && strings.HasSuffix(m.CallbackURL, url[strings.LastIndexByte(url, '>')+1:])
	}
	return m.CallbackURL != "" && !slices.ContainsFunc(used, same)
}

// IsNil reports whether p is nil or a nil pointer, which no method can be called on.
func IsNil(p goth.Provider) bool {
	return p == nil || reflect.ValueOf(p).Kind() == reflect.Pointer && reflect.ValueOf(p).IsNil()
}

// protected are the authorization parameters that belong to the flow: setting
// one of them would disable a check.
var protected = []string{
	"client_id", "redirect_uri", "response_type", "state", "nonce",
	"code_challenge", "code_challenge_method", "request", "request_uri", "response_mode",
}

// CheckParams refuses authorization parameters that would override the flow's own.
func CheckParams(params url.Values) error {
	var bad []string
	for name := range params {
		if slices.Contains(protected, ascii.Lower(name)) {
			bad = append(bad, name)
		}
	}
	if len(bad) == 0 {
		if _, err := parseMaxAge(params); err != nil {
			return fmt.Errorf("AuthParams: %w", err)
		}
		return nil
	}
	slices.Sort(bad)
	hint := "leave it out"
	if len(bad) == 1 && ascii.EqualFold(bad[0], "response_mode") {
		hint += ", or set oidc.Config.ResponseMode"
	}
	return fmt.Errorf("AuthParams sets %s, which belongs to the flow; %s", strings.Join(bad, ", "), hint)
}

// issuesIDTokens reports whether a provider is known to be one of OpenID Connect.
func issuesIDTokens(p goth.Provider) bool {
	_, openID := p.(interface {
		AuthorizationIssuer(ctx context.Context) (string, bool, error)
	})
	return openID || gothService(p).Goth == "openidConnect"
}

// checkScope refuses a scope that would turn an OpenID provider into a plain
// OAuth one: without openid there is no id_token, and nothing to verify. Some
// servers read names of parameters in any case.
func checkScope(params url.Values, openID bool) error {
	for name, scope := range params {
		if openID && ascii.EqualFold(name, "scope") && !slices.Contains(strings.Fields(strings.Join(scope, " ")), "openid") {
			return errors.New("AuthParams sets scope without openid, which an OpenID provider needs; put openid into it")
		}
	}
	return nil
}

// display are the parameters that a sign-in request may add: they change what
// the provider shows and how hard it asks, never where its answer goes.
var display = []string{
	"prompt", "login_hint", "hd", "ui_locales", "acr_values", "max_age",
	"screen_hint", "display", "domain_hint", "kc_idp_hint", "connection", "organization",
}

// DisplayParams keeps of a sign-in request's query what may reach the provider.
func DisplayParams(query url.Values) url.Values {
	kept := url.Values{}
	for _, name := range display {
		if v := query.Get(name); v != "" && len(v) <= 256 {
			kept.Set(name, v)
		}
	}
	return kept
}

// AnswerParams keeps of a provider's answer what completes a sign-in.
func AnswerParams(answer url.Values) url.Values {
	kept := url.Values{}
	for _, name := range [...]string{"state", "code", "iss", "error"} {
		if values := answer[name]; values != nil {
			kept[name] = values
		}
	}
	return kept
}

// clientID reads the client identifier that a provider was made with.
func clientID(p goth.Provider) string {
	id, _ := findClientID(p)
	return id
}

func findClientID(p goth.Provider) (id string, found bool) {
	if p, ok := p.(interface{ ClientID() string }); ok {
		return p.ClientID(), true
	}
	for _, name := range []string{"ClientKey", "ClientID", "ClientId"} {
		if f := field(p, name); f.Kind() == reflect.String {
			return f.String(), true
		}
	}
	return "", false
}

// field finds a field of the struct a provider points to.
func field(p goth.Provider, name string) reflect.Value {
	v := reflect.ValueOf(p)
	if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
		return reflect.Value{}
	}
	f, ok := v.Elem().Type().FieldByName(name)
	if !ok || len(f.Index) != 1 {
		return reflect.Value{}
	}
	return v.Elem().FieldByIndex(f.Index)
}

// codeEngine leaves the flow to a provider that runs it itself.
type codeEngine struct{ flow AuthCodeProvider }

func (e codeEngine) begin(ctx context.Context, r request) (string, string, error) {
	var opts []oauth2.AuthCodeOption
	if r.verifier != "" {
		opts = append(opts, oauth2.S256ChallengeOption(r.verifier))
	}
	authURL, err := e.flow.AuthCodeURL(ctx, r.redirectURL, r.state, r.nonce, opts...)
	return authURL, "", err
}

func (e codeEngine) exchange(ctx context.Context, r request, code, _ string) (Identity, error) {
	var opts []oauth2.AuthCodeOption
	if r.verifier != "" {
		opts = append(opts, oauth2.VerifierOption(r.verifier))
	}
	for name, value := range r.echoed {
		opts = append(opts, oauth2.SetAuthURLParam(name, value))
	}
	user, tok, err := e.flow.ExchangeCode(ctx, r.redirectURL, code, r.nonce, opts...)
	if err != nil {
		return Identity{}, err
	}
	return Identity{Profile: user, Token: tok, EmailVerified: emailVerified(user)}, nil
}

func (e codeEngine) issuer(ctx context.Context) (string, bool, error) {
	if p, ok := e.flow.(interface {
		AuthorizationIssuer(ctx context.Context) (string, bool, error)
	}); ok {
		return p.AuthorizationIssuer(ctx)
	}
	return "", false, nil
}

func (e codeEngine) accepts(issuer, sent string) bool {
	if p, ok := e.flow.(interface {
		AcceptsIssuer(issuer, sent string) bool
	}); ok {
		return p.AcceptsIssuer(issuer, sent)
	}
	return sent == issuer
}
