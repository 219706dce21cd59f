package ginauthtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// logoutEvent makes a JWT a logout token (OIDC Back-Channel Logout §2.4).
const logoutEvent = "http://schemas.openid.net/event/backchannel-logout"

// logoutLifetime is how long a logout token is good for, as the specification
// recommends (§2.4).
const logoutLifetime = 2 * time.Minute

// LogoutToken makes a logout token for the client (OIDC Back-Channel Logout §2.4),
// of a person, of one of their sessions, or of both: subject is the sub of an ID
// token, sessionID its sid, and one of them may be empty. Each has a jti of its
// own. [Provider.TamperLogout] and [Provider.Sign] apply to it.
func (p *Provider) LogoutToken(subject, sessionID string) (string, error) {
	if subject == "" && sessionID == "" {
		return "", errors.New("ginauthtest: a logout token needs a subject or a session ID")
	}
	now := p.cfg.Now()
	claims := map[string]any{
		"iss":    p.issuer,
		"aud":    p.cfg.ClientID,
		"iat":    now.Unix(),
		"exp":    now.Add(logoutLifetime).Unix(),
		"jti":    rand.Text(),
		"events": map[string]any{logoutEvent: map[string]any{}},
	}
	if subject != "" {
		claims["sub"] = subject
	}
	if sessionID != "" {
		claims["sid"] = sessionID
	}
	lie := p.lies.load()
	if lie.logout != nil {
		lie.logout(claims)
	}
	return p.keys.sign(claims, lie.signature, typeJWT)
}

// SendLogout posts a logout token to the client's backchannel_logout_uri, as the
// provider does when one of its sessions ends (OIDC Back-Channel Logout §2.5), and
// answers the status. It follows no redirect.
func (p *Provider) SendLogout(ctx context.Context, logoutURI, logoutToken string) (status int, err error) {
	form := url.Values{"logout_token": {logoutToken}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, logoutURI, strings.NewReader(form.Encode()))
	if err != nil {
		return 0, fmt.Errorf("ginauthtest: logout: %w", err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := p.client.RoundTrip(req)
	if err != nil {
		return 0, fmt.Errorf("ginauthtest: logout: %w", err)
	}
	return res.StatusCode, res.Body.Close()
}

// TamperLogout lets f change the claims of every logout token before it is signed:
// add a nonce, drop events, name another audience. Times are int64 seconds. Nil
// tells the truth again.
func (p *Provider) TamperLogout(f func(claims map[string]any)) {
	p.lies.change(func(l *lie) { l.logout = f })
}
