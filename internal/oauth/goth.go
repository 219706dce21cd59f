package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"reflect"
	"strings"

	"github.com/markbates/goth"
	"golang.org/x/oauth2"

	"github.com/ginauth/ginauth/internal/openid"
	"github.com/ginauth/ginauth/internal/service"
)

const gothProviders = "github.com/markbates/goth/providers/"

// gothEngine speaks to a plain goth provider through a copy of it that is bound
// to one step of one sign-in: the copy's HTTP client carries that sign-in's
// context, code verifier and redirect URI. A wrapper type would not do, since
// goth's sessions assert the provider's own type.
type gothEngine struct {
	typ     reflect.Type  // the provider's struct
	frozen  reflect.Value // the provider as it was configured
	base    http.RoundTripper
	service service.Service // zero for a provider that is not goth's own
	own     *oauth2.Config  // set for a provider whose token request escapes
	idToken *openid.Client  // set for an OpenID provider, whose id_token goth does not verify
	knownAs string          // the issuer's identifier, if it has one

	canRefresh bool
	renew      *oauth2.Config // of a provider that cannot renew, or past the binding
}

func newGothEngine(p goth.Provider, base http.RoundTripper) (*gothEngine, error) {
	v := reflect.ValueOf(p)
	if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
		return nil, fmt.Errorf("%T is not a pointer to a struct, so a sign-in cannot be bound to a copy of it", p)
	}
	known := gothService(p)
	if known.Unfit != "" {
		return nil, fmt.Errorf("goth's %s provider is not supported: %s", known.Goth, known.Unfit)
	}
	client := field(p, "HTTPClient")
	if !client.IsValid() || client.Type() != reflect.TypeFor[*http.Client]() {
		return nil, fmt.Errorf("%T has no field HTTPClient of type *http.Client to bind a sign-in to; give it one, or implement ginauth.AuthCodeProvider", p)
	}
	e := &gothEngine{typ: v.Elem().Type(), frozen: reflect.New(v.Elem().Type()).Elem(), base: base, service: known, knownAs: known.Issuer}
	e.frozen.Set(v.Elem())
	e.canRefresh = refreshAvailable(p)
	if known.Refreshes {
		if config, err := readConfig(p); err == nil { // else it is as goth says
			config.Endpoint.AuthStyle = known.AuthStyle
			e.renew, e.canRefresh = config, true
		}
	}
	// A provider that is not bound makes its token request past its HTTPClient.
	if known.Engine != service.Bound && known.AuthStyle != oauth2.AuthStyleAutoDetect {
		config, err := readConfig(p)
		if err != nil {
			return nil, err
		}
		config.Endpoint.AuthStyle = known.AuthStyle
		e.own = config
	}
	if known.Goth == "openidConnect" {
		issuer, err := readIssuer(p)
		if err != nil {
			return nil, err
		}
		if e.renew, err = readConfig(p); err != nil {
			return nil, err
		}
		e.knownAs = issuer
		e.idToken = &openid.Client{Issuer: issuer, ClientID: clientID(p)}
	}
	return e, nil
}

// gothService is what is known of a provider that is one of goth's own.
func gothService(p goth.Provider) service.Service {
	t := reflect.TypeOf(p)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	pkg := t.PkgPath()
	if !strings.HasPrefix(pkg, gothProviders) {
		return service.Service{}
	}
	known, _ := service.ByGoth(path.Base(pkg))
	return known
}

// readConfig reads the OAuth 2.0 configuration a provider keeps in an unexported
// field; nothing is written to it.
func readConfig(p goth.Provider) (*oauth2.Config, error) {
	f := field(p, "config")
	if !f.IsValid() || f.Type() != reflect.TypeFor[*oauth2.Config]() || f.IsNil() {
		return nil, fmt.Errorf("%T does not keep an oauth2.Config where goth v1.82 does", p)
	}
	c := f.Elem()
	endpoint := c.FieldByName("Endpoint")
	tokenURL, err := url.Parse(endpoint.FieldByName("TokenURL").String())
	if err != nil || tokenURL.Host == "" {
		return nil, fmt.Errorf("%T has no token endpoint", p)
	}
	tokenURL.RawQuery = "" // intercom's holds the client secret, which goes into the body
	return &oauth2.Config{
		ClientID:     c.FieldByName("ClientID").String(),
		ClientSecret: c.FieldByName("ClientSecret").String(),
		Endpoint:     oauth2.Endpoint{TokenURL: tokenURL.String()},
	}, nil
}

// readIssuer reads what goth's openidConnect found at discovery.
func readIssuer(p goth.Provider) (string, error) {
	f := field(p, "OpenIDConfig")
	if f.Kind() == reflect.Pointer && !f.IsNil() {
		if issuer := f.Elem().FieldByName("Issuer"); issuer.IsValid() && issuer.String() != "" {
			return issuer.String(), nil
		}
	}
	return "", errors.New("its OpenIDConfig names no issuer; use oidc.New")
}

func (e *gothEngine) binding(ctx context.Context, r request) *binding {
	return &binding{
		ctx: ctx, base: e.base, request: r, style: e.service.AuthStyle, header: e.service.TokenInHeader, addresses: e.addresses(),
	}
}

// bind makes the copy of the provider for one step of one sign-in.
func (e *gothEngine) bind(b *binding) goth.Provider {
	p := reflect.New(e.typ)
	p.Elem().Set(e.frozen)
	p.Elem().FieldByName("HTTPClient").Set(reflect.ValueOf(b.client()))
	if f := p.Elem().FieldByName("CallbackURL"); f.Kind() == reflect.String {
		f.SetString(b.redirectURL)
	}
	return p.Interface().(goth.Provider)
}

func (e *gothEngine) begin(ctx context.Context, r request) (string, string, error) {
	session, err := e.bind(e.binding(ctx, r)).BeginAuth(r.state)
	if err != nil {
		return "", "", err
	}
	authURL, err := session.GetAuthURL()
	if err != nil {
		return "", "", err
	}
	if e.idToken != nil {
		authURL = withParam(authURL, "nonce", r.nonce)
	}
	kept, err := strip(session.Marshal())
	return authURL, kept, err
}

func (e *gothEngine) exchange(ctx context.Context, r request, code, kept string) (id Identity, err error) {
	b := e.binding(ctx, r)
	defer func() {
		if err != nil { // the answer's tokens must not stand in the error
			err = Redact(b.explained(err), b.secrets()...)
		}
	}()
	p := e.bind(b)
	if e.own != nil {
		kept, err = e.exchangeOwn(ctx, b, code)
		if err != nil {
			return Identity{}, err
		}
	}
	if kept == "" {
		kept = "{}"
	}
	session, err := p.UnmarshalSession(kept)
	if err != nil {
		return Identity{}, err
	}
	if e.own == nil {
		// The code alone: whatever else stood in the callback's query was the
		// browser's choice.
		if _, err := session.Authorize(p, url.Values{"code": {code}}); err != nil {
			return Identity{}, err
		}
	}
	if !b.injected.Load() {
		return Identity{}, errors.New("oauth: the provider's token request did not go through its HTTPClient, so it had no code verifier")
	}
	tok := b.token()
	if e.idToken != nil {
		if err := openid.CheckTokenType(tok.TokenType); err != nil {
			return Identity{}, err
		}
		raw, _ := tok.Extra("id_token").(string)
		if _, err := e.idToken.Verify(ctx, raw, r.nonce, tok.AccessToken); err != nil {
			return Identity{}, err
		}
	}
	user, err := p.FetchUser(session)
	if err != nil {
		return Identity{}, err
	}
	if name := e.service.Subject; name != "" && user.UserID == "" {
		user.UserID, _ = user.RawData[name].(string)
	}
	// goth's providers with numeric ids make a missing one "0": one account for
	// everybody.
	if user.UserID == "0" {
		user.UserID = ""
	}
	return Identity{Profile: user, Token: tok, EmailVerified: e.vouched(ctx, b.client(), user, tok)}, nil
}

// exchangeOwn makes the token request of a provider that would escape the
// binding, and writes the answer the way the provider's session reads it.
func (e *gothEngine) exchangeOwn(ctx context.Context, b *binding, code string) (session string, err error) {
	config := *e.own
	config.RedirectURL = b.redirectURL
	ctx = context.WithValue(ctx, oauth2.HTTPClient, b.client())
	tok, err := config.Exchange(ctx, code)
	if err != nil {
		return "", err
	}
	fields := map[string]any{
		"AccessToken":  tok.AccessToken,
		"RefreshToken": tok.RefreshToken,
		"ExpiresAt":    tok.Expiry,
	}
	if id, ok := tok.Extra("user_id").(string); ok {
		fields["UserID"] = id
	}
	raw, _ := json.Marshal(fields) // texts and a time
	return string(raw), nil
}

// issuer asks an OpenID provider's discovery document, of which goth reads too
// little, whether an answer without iss is another server's.
func (e *gothEngine) issuer(ctx context.Context) (string, bool, error) {
	if e.idToken == nil {
		return e.knownAs, false, nil
	}
	m, err := e.idToken.Discover(ctx)
	if err != nil {
		return "", false, err
	}
	return e.knownAs, m.ResponseIssuer, nil
}

func (e *gothEngine) accepts(issuer, sent string) bool { return sent == issuer }

// strip removes from goth's session the authorization URL, which is most of it
// and not needed again, and every empty field.
func strip(session string) (string, error) {
	var fields map[string]any
	if err := json.Unmarshal([]byte(session), &fields); err != nil {
		return "", errors.New("oauth: the provider's session is not a JSON object")
	}
	for name, value := range fields {
		if name == "AuthURL" || value == nil || value == "" || value == false || value == "0001-01-01T00:00:00Z" {
			delete(fields, name)
		}
	}
	if len(fields) == 0 {
		return "", nil
	}
	raw, _ := json.Marshal(fields) // of what was JSON
	return string(raw), nil
}

// withParam sets a parameter of a URL. It leaves what is no URL as it is, which
// complete refuses.
func withParam(rawURL, name, value string) string {
	u, err := url.Parse(rawURL)
	if err != nil {
		return rawURL
	}
	q := u.Query()
	q.Set(name, value)
	u.RawQuery = q.Encode()
	return u.String()
}
