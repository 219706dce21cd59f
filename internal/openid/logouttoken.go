package openid

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/ginauth/ginauth/internal/redact"
)

const (
	// logoutEvent is the member of events that makes a JWT a logout token (OpenID
	// Connect Back-Channel Logout 1.0 §2.4).
	logoutEvent = "http://schemas.openid.net/event/backchannel-logout"
	// maxLogoutAge is how old a logout token may be. The specification recommends
	// two minutes until exp. A recipient that remembers tokens needs a bound.
	maxLogoutAge = time.Hour
	// LogoutMemory is for how long the jti of a logout token must be remembered from
	// its iat: as long as [CheckLogoutAge] accepts the token, on two servers whose
	// clocks differ by as much as they may.
	LogoutMemory = maxLogoutAge + 2*clockLeeway
)

// Anybody may send logout tokens. A signature that no known key made has the key
// set fetched again, in case the issuer has new keys; a flood of forged tokens
// would flood the issuer.
const (
	// maxKeyFetches is how often the keys are fetched in keyFetchWindow, at most.
	maxKeyFetches  = 6
	keyFetchWindow = time.Minute
	// keyRetry is how long after a fetch that failed another may be made all the same.
	keyRetry = time.Second
)

var errKeyFetches = errors.New("the keys were fetched a moment ago")

// sparing is the transport of a key set whose requests strangers can cause.
type sparing struct {
	base http.RoundTripper
	most int // requests in a window

	mu     sync.Mutex
	since  time.Time // when the window began
	spent  int       // requests in it
	last   time.Time // when the last one began
	failed error     // what the last answer was, where it had no keys
}

func (s *sparing) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := s.spend(time.Now()); err != nil {
		return nil, err
	}
	res, err := s.base.RoundTrip(req)
	failed := err
	if err == nil && res.StatusCode != http.StatusOK {
		failed = errors.New("the answer was " + res.Status)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failed = failed
	return res, err
}

// spend counts a request that begins now. The error says why it must not: the keys are
// known, or, where the last request failed, that they are not.
func (s *sparing) spend(now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Sub(s.since) >= keyFetchWindow {
		s.since, s.spent = now, 0
	}
	switch {
	case s.spent < s.most, s.failed != nil && now.Sub(s.last) >= keyRetry:
	case s.failed != nil:
		return fmt.Errorf("the keys could not be fetched a moment ago: %w", s.failed)
	default:
		return errKeyFetches
	}
	s.spent++
	s.last = now
	return nil
}

// sparingKeys is a key set for logout tokens, apart from that for id_tokens: what
// strangers use up must not be missed by who signs in. It makes at most so many requests
// in keyFetchWindow. client is one of fetch.From, which always has a transport.
func sparingKeys(client http.Client, url string, most int) oidc.KeySet {
	client.Transport = &sparing{base: client.Transport, most: most}
	return oidc.NewRemoteKeySet(oidc.ClientContext(context.Background(), &client), url)
}

// VerifyLogout checks a logout token as OpenID Connect Back-Channel Logout 1.0
// §2.6 asks: signature (see [Metadata].Algorithms), iss, aud, exp, iat at most an
// hour ago, the event, sub or sid, jti, and no nonce, by which an id_token could
// pass for one. The caller checks whether the same token was used before.
func (c *Client) VerifyLogout(ctx context.Context, rawLogoutToken string) (*oidc.LogoutToken, error) {
	m, err := c.Discover(ctx)
	if err != nil {
		return nil, err
	}
	token, err := m.logouts.VerifyLogout(ctx, rawLogoutToken)
	if err != nil {
		return nil, Fault(ctx, "openid: logout_token", c.explained("logout_token", rawLogoutToken, m, err))
	}
	if err := c.checkLogout(token); err != nil {
		return nil, fmt.Errorf("openid: logout_token: %w", err)
	}
	if err := c.checkFamily(ctx, m, rawLogoutToken, token.Claims); err != nil {
		return nil, Fault(ctx, "openid: logout_token", err)
	}
	return token, nil
}

// checkLogout adds what go-oidc leaves to its caller.
func (c *Client) checkLogout(token *oidc.LogoutToken) error {
	var claims map[string]json.RawMessage
	if err := token.Claims(&claims); err != nil {
		return err
	}
	if err := checkNames(claims); err != nil {
		return err
	}
	for name := range claims {
		for _, want := range [...]string{"events", "jti", "sid"} {
			if name != want && strings.EqualFold(name, want) {
				return fmt.Errorf("it has a claim %.32q beside %s", name, want)
			}
		}
	}
	var events map[string]json.RawMessage
	_ = json.Unmarshal(claims["events"], &events) // what is no object has no event
	if !bytes.HasPrefix(events[logoutEvent], []byte("{")) {
		return errors.New("its event is not a back-channel logout")
	}
	return CheckLogoutAge(token, c.now())
}

// CheckLogoutAge refuses a logout token that is older than an hour, is from the
// future, or does not say how old it is (iat, Back-Channel Logout 1.0 §2.4). After
// LogoutMemory since its iat, it is forgotten that the same token was used before.
func CheckLogoutAge(token *oidc.LogoutToken, now time.Time) error {
	switch {
	case token.IssuedAt.IsZero():
		return errors.New("it has no iat")
	case token.IssuedAt.After(now.Add(clockLeeway)):
		return ahead("logout_token", token.IssuedAt, now)
	case now.Sub(token.IssuedAt) > maxLogoutAge:
		return redact.Told(nil, "openid: the logout_token is older than an hour: its iat is %s, and it is %s here", stamp(token.IssuedAt), stamp(now))
	}
	return nil
}
