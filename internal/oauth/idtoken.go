package oauth

import (
	"context"
	"errors"
	"net/url"
	"time"

	"github.com/markbates/goth"

	"github.com/ginauth/ginauth/internal/openid"
	"github.com/ginauth/ginauth/internal/token"
)

// IDTokenVerifier verifies id_tokens that are handed over. ginauth.IDTokenVerifier
// documents it.
type IDTokenVerifier interface {
	VerifyIDToken(ctx context.Context, rawIDToken, nonce, accessToken string, audiences, presenters []string) (goth.User, error)
}

// A HandedToken is an id_token that another client of the application got from the
// provider.
type HandedToken struct {
	Raw         string
	Nonce       string // the one that this site gave out
	AccessToken string // that came with it; empty: none did
	// Audiences and Presenters are the clients beside the provider's own.
	Audiences, Presenters []string
}

// HandsOver reports whether a request hands an id_token over. What has a state is the
// provider's own answer by POST.
func HandsOver(body map[string]any, query url.Values) bool {
	_, token := body["id_token"]
	_, credential := body["credential"]
	_, state := body["state"]
	return (token || credential) && !state && !query.Has("state")
}

// ReadHandedToken reads the token of a request's body: id_token or credential, once, and perhaps an
// access token.
func ReadHandedToken(body map[string]any) (t HandedToken, ok bool) {
	token, isToken := body["id_token"].(string)
	credential, isCredential := body["credential"].(string)
	_, both := body["credential"]
	if _, other := body["id_token"]; both && other || !isToken && !isCredential {
		return t, false
	}
	t.Raw = token + credential
	t.Nonce = openid.HandedNonce(t.Raw)
	access, sent := body["access_token"]
	t.AccessToken, ok = access.(string)
	return t, t.Raw != "" && (!sent || ok && t.AccessToken != "")
}

// TakesIDTokens reports whether TakeIDToken can work.
func (p *Provider) TakesIDTokens() bool { return p.idTokens != nil }

// TakeIDToken is Complete for a token that is handed over: no code is exchanged. The
// max_age that a sign-in at redirectURL would ask for holds here too.
func (p *Provider) TakeIDToken(ctx context.Context, t HandedToken, redirectURL string, now time.Time) (id Identity, err error) {
	ctx, cancel := p.context(ctx)
	defer cancel()
	defer recovered(ctx, &err)

	if p.idTokens == nil {
		return Identity{}, errors.New("oauth: this provider takes no id_tokens")
	}
	user, err := p.idTokens.VerifyIDToken(ctx, t.Raw, t.Nonce, t.AccessToken, t.Audiences, t.Presenters)
	if err != nil {
		return Identity{}, Redact(err, t.Raw, t.Nonce, t.AccessToken)
	}
	if user.UserID == "" {
		return Identity{}, ErrSubject
	}
	id = Identity{Profile: user, EmailVerified: emailVerified(user)}
	tx := Transaction{Expires: now.Add(Lifetime).Unix()} // as if it began now
	r := request{redirectURL: redirectURL, state: token.Random(), nonce: token.Random()}
	authURL, _, err := p.engine.begin(ctx, r)
	if err == nil {
		_, tx.MaxAge, err = p.complete(authURL, r, nil, nil)
	}
	if err == nil {
		err = tx.checkAuthTime(id, true, now)
	}
	if err != nil {
		return Identity{}, Redact(err, t.Raw, t.AccessToken)
	}
	if id.Proved = p.authentication(id); id.Proved.Time.IsZero() { // the token may be an hour old
		id.Proved.Time = issuedAt(id)
	}
	return id, nil
}
