package oauth

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/markbates/goth"
	"golang.org/x/oauth2"

	"github.com/ginauth/ginauth/internal/answer"
	"github.com/ginauth/ginauth/internal/fetch"
	flow "github.com/ginauth/ginauth/internal/oauth"
)

// AuthCodeURL returns where to send the browser (RFC 6749 §4.1.1). state is a
// fresh random value bound to this browser; opts are the code challenge and
// display parameters. There is no id_token for the nonce to stand in. An option
// cannot change what binds the answer to this sign-in.
func (p *Provider) AuthCodeURL(_ context.Context, redirectURL, state, _ string, opts ...oauth2.AuthCodeOption) (string, error) {
	if p.faults != nil {
		return "", p.faults
	}
	if redirectURL == "" || state == "" {
		return "", errors.New("oauth: AuthCodeURL needs a redirect URL and a state")
	}
	var all []oauth2.AuthCodeOption
	for name, values := range p.config.AuthParams {
		all = append(all, oauth2.SetAuthURLParam(name, strings.Join(values, " ")))
	}
	// The last option of a name wins.
	all = append(append(all, opts...),
		oauth2.SetAuthURLParam("response_type", "code"),
		oauth2.SetAuthURLParam("client_id", p.config.ClientID),
		oauth2.SetAuthURLParam("redirect_uri", redirectURL),
		oauth2.SetAuthURLParam("state", state),
	)
	if s := p.config.ScopeSeparator; s != "" && len(p.config.Scopes) > 0 {
		all = append(all, oauth2.SetAuthURLParam("scope", strings.Join(p.config.Scopes, s)))
	}
	raw := p.oauth(redirectURL).AuthCodeURL(state, all...)
	if len(p.config.ParamNames) == 0 && p.config.AuthFragment == "" {
		return raw, nil
	}
	u, err := url.Parse(raw)
	if err != nil {
		return "", err
	}
	u.RawQuery, u.Fragment = renamed(u.Query(), p.config.ParamNames).Encode(), p.config.AuthFragment
	return u.String(), nil
}

// ExchangeCode trades an authorization code for tokens (RFC 6749 §4.1.3) and
// asks the service whose they are. opts are the code verifier. On an error the
// user is empty. A profile without subject is an error: everybody would be the
// same person.
//
// The user's RawData is the profile, with email_verified in it, which says whether
// the service vouches for Email. Numbers in it are json.Number.
func (p *Provider) ExchangeCode(ctx context.Context, redirectURL, code, _ string, opts ...oauth2.AuthCodeOption) (goth.User, *oauth2.Token, error) {
	if p.faults != nil {
		return goth.User{}, nil, p.faults
	}
	if redirectURL == "" || code == "" {
		return goth.User{}, nil, errors.New("oauth: ExchangeCode needs a redirect URL and a code")
	}
	e := p.exchange(ctx, p.config.TokenURL)
	token, err := p.oauth(redirectURL).Exchange(e.ctx, code, opts...)
	if err != nil {
		return goth.User{}, nil, p.fault(ctx, "token request", err, code)
	}
	profile, err := e.profile(token)
	if err != nil {
		return goth.User{}, nil, p.fault(ctx, "profile request", err, code, token.AccessToken, token.RefreshToken)
	}
	user, verified, err := e.user(profile, token)
	if err != nil {
		return goth.User{}, nil, p.fault(ctx, "profile", err)
	}
	// ginauth reads this member. One of the service's own of that name means
	// what no document says.
	raw := map[string]any{}
	maps.Copy(raw, user.RawData)
	raw["email_verified"] = verified && user.Email != ""
	user.RawData = raw
	user.Provider = p.Name()
	user.AccessToken, user.RefreshToken, user.ExpiresAt = token.AccessToken, token.RefreshToken, token.Expiry
	return user, token, nil
}

// RefreshTokenContext asks for new tokens (RFC 6749 §6). Where the service sends
// no new refresh token, the result holds the old one.
func (p *Provider) RefreshTokenContext(ctx context.Context, refreshToken string) (*oauth2.Token, error) {
	if p.faults != nil {
		return nil, p.faults
	}
	if refreshToken == "" {
		return nil, errors.New("oauth: there is no refresh token")
	}
	e := p.exchange(ctx, p.config.RefreshURL)
	config := p.oauth("")
	config.Endpoint.TokenURL = p.config.RefreshURL
	token, err := config.TokenSource(e.ctx, &oauth2.Token{RefreshToken: refreshToken}).Token()
	if err != nil {
		return nil, p.fault(ctx, "refresh request", err, refreshToken)
	}
	return token, nil
}

// oauth returns the OAuth client of one request.
func (p *Provider) oauth(redirectURL string) *oauth2.Config {
	c := p.config
	return &oauth2.Config{
		ClientID: c.ClientID, ClientSecret: c.ClientSecret, RedirectURL: redirectURL, Scopes: c.Scopes,
		Endpoint: oauth2.Endpoint{AuthURL: c.AuthURL, TokenURL: c.TokenURL, AuthStyle: c.AuthStyle},
	}
}

// exchange begins one step with the service: the bounded client, with the
// application's name on it, where x/oauth2 looks for it.
func (p *Provider) exchange(ctx context.Context, tokenURL string) *exchange {
	e := &exchange{config: &p.config}
	client := *fetch.From(ctx)
	client.Transport = &transport{base: client.Transport, config: &p.config, tokenURL: tokenURL, exchange: e}
	e.client = &client
	e.ctx = context.WithValue(ctx, oauth2.HTTPClient, &client)
	return e
}

// user reads a profile, and where it has no address the list of addresses.
func (e *exchange) user(profile map[string]any, token *oauth2.Token) (user goth.User, verified bool, err error) {
	c := e.config
	if c.Profile != nil {
		user, verified = c.Profile(profile)
	} else {
		f := c.Fields
		if f.Active != "" && !answer.True(profile, f.Active) {
			return goth.User{}, false, errors.New("the service has suspended the account")
		}
		user = goth.User{
			UserID: answer.Subject(profile, f.ID), Name: answer.Text(profile, f.Name), NickName: answer.Text(profile, f.NickName),
			Email: answer.Text(profile, f.Email), AvatarURL: answer.Text(profile, f.Image), RawData: profile,
		}
		verified = answer.True(profile, f.EmailVerified)
	}
	if user.UserID == "" {
		return goth.User{}, false, flow.ErrSubject
	}
	if c.Emails.Email != "" && !verified {
		user.Email, verified = e.emails(profile, token, user.Email)
	}
	return user, verified, nil
}

// emails reads the list of addresses. It is an extra: a person may refuse it, and
// an application may not be allowed to ask.
func (e *exchange) emails(profile map[string]any, token *oauth2.Token, known string) (email string, verified bool) {
	var list any = profile
	if e.config.Emails.URL != "" {
		var err error
		if list, err = e.get(e.config.Emails.URL, token); err != nil {
			flow.Leave(e.ctx, "the e-mail addresses", flow.Redact(err, token.AccessToken, token.RefreshToken, e.config.ClientSecret))
			return known, false
		}
	}
	email, verified, ok := e.config.Emails.addresses().Read(list, known)
	if !ok {
		flow.Leave(e.ctx, "the e-mail addresses", errors.New("the answer has no list where it should be"))
	}
	return email, verified
}

// fault names the step that failed, without the secrets of its request and
// answer.
func (p *Provider) fault(ctx context.Context, step string, err error, secrets ...string) error {
	if ended := ctx.Err(); ended != nil && !errors.Is(err, ended) {
		err = fmt.Errorf("%w: %w", ended, err) // a broken body hides why it broke
	}
	return fmt.Errorf("oauth: %s: %s: %w", p.config.Name, step, flow.Redact(err, append(secrets, p.config.ClientSecret)...))
}

// renamed gives parameters the names that the service has for them.
func renamed(values url.Values, names map[string]string) url.Values {
	out := url.Values{}
	for name, list := range values {
		if other, ok := names[name]; ok {
			name = other
		}
		if name != "" {
			out[name] = slices.Clone(list)
		}
	}
	return out
}

// is reports a successful status, 200 alone: no other promises a profile.
func is(res *http.Response) error {
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("the service answered %d", res.StatusCode)
	}
	return nil
}
