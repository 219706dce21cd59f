package ginauthtest

import (
	"maps"
	"net/http"
	"net/url"
	"sync"
)

// lies are all the ways in which the provider does not do as it should. The
// zero value is an honest provider.
type lies struct {
	mu      sync.Mutex
	current lie
}

type lie struct {
	claims, access, userinfo, discovery, jwks, token, logout func(map[string]any)
	response                                                 func(url.Values)
	signature                                                Signature
	broken                                                   map[Endpoint]http.Handler // replaced, never written to
}

func (l *lies) load() lie {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.current
}

func (l *lies) change(f func(*lie)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f(&l.current)
}

// TamperClaims lets f change the claims of every ID token before it is
// signed: delete exp, name another audience, move iat into the future. Times
// are int64 seconds. Nil tells the truth again.
//
// This function and those given to the other Tamper methods run outside of
// all locks, for several requests at once if several arrive; each call gets a
// map of its own.
func (p *Provider) TamperClaims(f func(claims map[string]any)) {
	p.lies.change(func(l *lie) { l.claims = f })
}

// TamperUserinfo lets f change what the userinfo endpoint answers. Nil tells
// the truth again.
func (p *Provider) TamperUserinfo(f func(claims map[string]any)) {
	p.lies.change(func(l *lie) { l.userinfo = f })
}

// TamperDiscovery lets f change the discovery document. Nil tells the truth
// again.
func (p *Provider) TamperDiscovery(f func(doc map[string]any)) {
	p.lies.change(func(l *lie) { l.discovery = f })
}

// TamperJWKS lets f change the key set (RFC 7517 §5): its member keys is a
// []any of map[string]any. Nil tells the truth again.
func (p *Provider) TamperJWKS(f func(set map[string]any)) {
	p.lies.change(func(l *lie) { l.jwks = f })
}

// RotateKey makes a new key, which signs from now on and is the only one that is
// published (OpenID Connect Core §10.1.1). A function given to
// [Provider.TamperClaims] may call it: its ID token is signed with the new key.
func (p *Provider) RotateKey() error { return p.keys.rotate() }

// TamperResponse lets f change the parameters of the authorization response,
// of a refusal as of a success: drop or change iss, state or code. Those that
// the redirect URI has of itself are not among them. Or add some, such as the
// field user of Apple's answers by POST. Nil tells the truth
// again.
func (p *Provider) TamperResponse(f func(q url.Values)) {
	p.lies.change(func(l *lie) { l.response = f })
}

// TamperToken lets f change the token endpoint's answer: drop id_token, change
// access_token. The ID token in it is signed already. Refusals stay as they
// are; [Answer] makes any other. Nil tells the truth again.
func (p *Provider) TamperToken(f func(answer map[string]any)) {
	p.lies.change(func(l *lie) { l.token = f })
}

// Sign chooses how ID tokens, JWT access tokens, logout tokens and signed userinfo are
// signed from now on.
func (p *Provider) Sign(s Signature) {
	p.lies.change(func(l *lie) { l.signature = s })
}

// Break has h answer at the endpoint e instead of the provider; nil mends it.
// See [Silent], [Drip], [Huge], [RedirectTo], [Loop] and [Answer]. Requests
// to a broken token endpoint still appear in [Provider.TokenRequests].
func (p *Provider) Break(e Endpoint, h http.Handler) {
	p.lies.change(func(l *lie) {
		broken := maps.Clone(l.broken)
		if broken == nil {
			broken = make(map[Endpoint]http.Handler)
		}
		broken[e] = h
		l.broken = broken
	})
}

// Reset ends every lie: the provider is honest and whole again. Codes and
// tokens already issued stay valid, and the record of token requests stays.
func (p *Provider) Reset() {
	p.lies.change(func(l *lie) { *l = lie{} })
}
