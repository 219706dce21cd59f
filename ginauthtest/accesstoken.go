package ginauthtest

import (
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"
)

// AccessToken issues a JWT access token for [Config].APIAudience, as a sign-in of the
// person with that subject gives it for these scopes. It is good at the userinfo endpoint
// too. For tests of an API that takes access tokens, which needs no sign-in then:
//
//	token, err := idp.AccessToken("ada", "orders:read")
//	req.Header.Set("Authorization", "Bearer "+token)
//
// An APIAudience that is not set, and a subject that nobody has, are errors.
func (p *Provider) AccessToken(subject string, scopes ...string) (string, error) {
	if p.cfg.APIAudience == "" {
		return "", errors.New("ginauthtest: access tokens are opaque; set Config.APIAudience to the API that they are for")
	}
	person, ok := p.person(subject)
	if !ok {
		return "", fmt.Errorf("ginauthtest: nobody has the subject %q", subject)
	}
	now := p.cfg.Now()
	granted := &grant{person: person, scopes: scopes, authTime: now, sessionID: rand.Text()}
	token, err := p.accessToken(granted, scopes, now)
	if err == nil {
		p.grants.issue(granted, token, scopes, now)
	}
	return token, err
}

// TamperAccessClaims lets f change the claims of every JWT access token before it is
// signed: another audience, an exp that is over, no sub. Times are int64 seconds. Nil
// tells the truth again. [Provider.Sign] chooses how they are signed.
func (p *Provider) TamperAccessClaims(f func(claims map[string]any)) {
	p.lies.change(func(l *lie) { l.access = f })
}

// accessToken makes an access token: random, or a JWT for the API (RFC 9068 §2).
func (p *Provider) accessToken(granted *grant, scopes []string, now time.Time) (string, error) {
	id := rand.Text()
	if p.cfg.APIAudience == "" {
		return id, nil
	}
	claims := map[string]any{
		"iss":       p.issuer,
		"sub":       granted.person.Subject,
		"aud":       p.cfg.APIAudience,
		"client_id": p.cfg.ClientID,
		"iat":       now.Unix(),
		"exp":       now.Add(p.cfg.TokenLifetime).Unix(),
		"jti":       id,
		"auth_time": granted.authTime.Unix(),
	}
	if len(scopes) > 0 {
		claims["scope"] = strings.Join(scopes, " ")
	}
	lie := p.lies.load()
	if lie.access != nil {
		lie.access(claims)
	}
	return p.keys.sign(claims, lie.signature, typeAccessToken)
}
