package plain

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"

	"github.com/markbates/goth"
	"golang.org/x/oauth2"

	"github.com/ginauth/ginauth/internal/fetch"
	"github.com/ginauth/ginauth/internal/oauth"
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
		return "", fmt.Errorf("%s: AuthCodeURL needs a redirect URL and a state", p.config.Package)
	}
	// The last option of a name wins. The clip keeps append off the caller's array.
	opts = append(slices.Clip(opts),
		oauth2.SetAuthURLParam("response_type", "code"),
		oauth2.SetAuthURLParam("client_id", p.config.ClientID),
		oauth2.SetAuthURLParam("redirect_uri", redirectURL),
		oauth2.SetAuthURLParam("state", state),
	)
	return p.oauth(redirectURL).AuthCodeURL(state, opts...), nil
}

// ExchangeCode trades an authorization code for tokens (RFC 6749 §4.1.3) and
// asks the service whose they are. opts are the code verifier. On an error the
// user is empty. A profile without subject is an error: everybody would be the
// same person.
func (p *Provider) ExchangeCode(ctx context.Context, redirectURL, code, _ string, opts ...oauth2.AuthCodeOption) (goth.User, *oauth2.Token, error) {
	if p.faults != nil {
		return goth.User{}, nil, p.faults
	}
	if redirectURL == "" || code == "" {
		return goth.User{}, nil, fmt.Errorf("%s: ExchangeCode needs a redirect URL and a code", p.config.Package)
	}
	ctx = p.context(ctx)
	token, err := p.oauth(redirectURL).Exchange(ctx, code, opts...)
	if err != nil {
		return goth.User{}, nil, p.fault(ctx, "token request", err, code)
	}
	answer, err := p.profile(ctx, token.AccessToken)
	if err != nil {
		return goth.User{}, nil, p.fault(ctx, "profile request", err, code, token.AccessToken, token.RefreshToken)
	}
	user, verified := p.config.Profile(answer)
	if user.UserID == "" {
		return goth.User{}, nil, p.fault(ctx, "profile", oauth.ErrSubject)
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
		return nil, fmt.Errorf("%s: there is no refresh token", p.config.Package)
	}
	ctx = p.context(ctx)
	token, err := p.oauth("").TokenSource(ctx, &oauth2.Token{RefreshToken: refreshToken}).Token()
	if err != nil {
		return nil, p.fault(ctx, "refresh request", err, refreshToken)
	}
	return token, nil
}

// oauth returns the OAuth client of one request.
func (p *Provider) oauth(redirectURL string) *oauth2.Config {
	return &oauth2.Config{
		ClientID: p.config.ClientID, ClientSecret: p.config.ClientSecret, Endpoint: p.config.Endpoint,
		RedirectURL: redirectURL, Scopes: p.config.Scopes,
	}
}

// context puts the bounded client, with the application's name on it, where
// x/oauth2 looks for it.
func (p *Provider) context(ctx context.Context) context.Context {
	client := *fetch.From(ctx)
	client.Transport = agent{client.Transport, p.config.UserAgent}
	return context.WithValue(ctx, oauth2.HTTPClient, &client)
}

// profile asks the service who the access token's person is.
func (p *Provider) profile(ctx context.Context, accessToken string) (map[string]any, error) {
	target, err := url.Parse(p.config.ProfileURL)
	if err != nil {
		return nil, err
	}
	if name := p.config.TokenInQuery; name != "" {
		q := target.Query()
		q.Set(name, accessToken)
		target.RawQuery = q.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	if p.config.TokenInQuery == "" {
		req.Header.Set("Authorization", "Bearer "+accessToken)
	}
	res, err := ctx.Value(oauth2.HTTPClient).(*http.Client).Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the service answered %d", res.StatusCode)
	}
	var answer map[string]any
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, errors.New("the answer is not a JSON object") // the error of json may repeat parts of it
	}
	return answer, nil
}

// fault names the step that failed, without the secrets of its request and
// answer.
func (p *Provider) fault(ctx context.Context, step string, err error, secrets ...string) error {
	if ended := ctx.Err(); ended != nil && !errors.Is(err, ended) {
		err = fmt.Errorf("%w: %w", ended, err) // a broken body hides why it broke
	}
	return fmt.Errorf("%s: %s: %w", p.config.Package, step, oauth.Redact(err, append(secrets, p.config.ClientSecret)...))
}
