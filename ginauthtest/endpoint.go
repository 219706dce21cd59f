package ginauthtest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// Endpoint is one of the provider's endpoints, named by its path below the
// issuer.
type Endpoint string

// The provider's endpoints.
const (
	Discovery Endpoint = "/.well-known/openid-configuration" // OIDC Discovery §4
	Authorize Endpoint = "/authorize"                        // RFC 6749 §3.1; the sign-in page
	Token     Endpoint = "/token"                            // RFC 6749 §3.2
	Userinfo  Endpoint = "/userinfo"                         // OIDC Core §5.3
	JWKS      Endpoint = "/jwks"                             // RFC 7517 §5
	Emails    Endpoint = "/emails"                           // the person's addresses as GitHub's /user/emails has them
	Logout    Endpoint = "/logout"                           // OIDC RP-Initiated Logout §2
)

// handler serves every endpoint, each as it is or as Break would have it.
func (p *Provider) handler() http.Handler {
	mux := http.NewServeMux()
	handle := func(e Endpoint, serve http.HandlerFunc, methods ...string) {
		mux.Handle(string(e), p.breakable(e, allow(serve, methods...)))
	}
	handle(Discovery, p.serveDiscovery, http.MethodGet)
	handle(Authorize, p.serveAuthorize, http.MethodGet, http.MethodPost)
	handle(Token, p.serveToken, http.MethodPost)
	handle(Userinfo, p.serveUserinfo, http.MethodGet, http.MethodPost)
	handle(JWKS, p.serveJWKS, http.MethodGet)
	handle(Emails, p.serveEmails, http.MethodGet)
	handle(Logout, p.serveLogout, http.MethodGet, http.MethodPost)

	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !p.enter() {
			return // the connection is being dropped
		}
		defer p.running.Done()
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		mux.ServeHTTP(w, r)
	})
}

// breakable puts the handler given to Break, if there is one, before the
// endpoint's own. What arrives at the token endpoint is recorded either way:
// a test wants to see that a client sent nothing to it, or what.
func (p *Provider) breakable(e Endpoint, serve http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if e == Token {
			var err error
			if r, err = p.requests.record(w, r); err != nil {
				refuseToken(w, http.StatusBadRequest, protocolError{"invalid_request", "the body is not readable"})
				return
			}
		}
		if broken := p.lies.load().broken[e]; broken != nil {
			broken.ServeHTTP(w, r)
			return
		}
		serve.ServeHTTP(w, r)
	})
}

func allow(serve http.Handler, methods ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !slices.Contains(methods, r.Method) {
			w.Header().Set("Allow", strings.Join(methods, ", "))
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
			return
		}
		serve.ServeHTTP(w, r)
	})
}

// protocolError is an OAuth error: a registered code and a sentence for the
// client's developer.
type protocolError struct{ code, description string }

func (e protocolError) Error() string { return e.code + ": " + e.description }

func writeJSON(w http.ResponseWriter, status int, body any) {
	encoded, err := json.Marshal(body)
	if err != nil {
		// Only a tampering function can put what has no JSON into an answer.
		http.Error(w, "ginauthtest: the answer has no JSON: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(encoded) // the client is gone: nobody is left to tell
}
