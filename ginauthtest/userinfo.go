package ginauthtest

import (
	"net/http"
	"strings"

	"github.com/ginauth/ginauth/internal/ascii"
)

// serveUserinfo answers the claims that the access token gives (OIDC Core
// §5.3).
func (p *Provider) serveUserinfo(w http.ResponseWriter, r *http.Request) {
	person, scopes, ok := p.bearer(w, r)
	if !ok {
		return
	}
	claims := person.claims(scopes)
	if tamper := p.lies.load().userinfo; tamper != nil {
		tamper(claims)
	}
	if p.cfg.SignUserinfo {
		p.writeSigned(w, claims)
		return
	}
	writeJSON(w, http.StatusOK, claims)
}

// writeSigned answers userinfo as a JWT. It names issuer and client, unless a
// function given to TamperUserinfo put others there (OpenID Connect Core §5.3.2).
func (p *Provider) writeSigned(w http.ResponseWriter, claims map[string]any) {
	for name, value := range map[string]string{"iss": p.issuer, "aud": p.cfg.ClientID} {
		if _, ok := claims[name]; !ok {
			claims[name] = value
		}
	}
	signed, err := p.keys.sign(claims, p.lies.load().signature, typeJWT)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/jwt")
	_, _ = w.Write([]byte(signed)) // the client is gone: nobody is left to tell
}

// email is one of GitHub's addresses of a user.
type email struct {
	Email      string `json:"email"`
	Primary    bool   `json:"primary"`
	Verified   bool   `json:"verified"`
	Visibility string `json:"visibility"`
}

// serveEmails answers the person's one address in the shape of GitHub's
// /user/emails, and none for a person without.
func (p *Provider) serveEmails(w http.ResponseWriter, r *http.Request) {
	person, _, ok := p.bearer(w, r)
	if !ok {
		return
	}
	emails := []email{}
	if person.Email != "" {
		emails = append(emails, email{Email: person.Email, Primary: true, Verified: person.EmailVerified, Visibility: "private"})
	}
	writeJSON(w, http.StatusOK, emails)
}

// bearer finds the access token in the Authorization header or, as old
// clients send it, in the query (RFC 6750 §2), and answers whose it is.
func (p *Provider) bearer(w http.ResponseWriter, r *http.Request) (Person, []string, bool) {
	headers, queried := r.Header.Values("Authorization"), r.URL.Query()["access_token"]
	switch {
	case len(headers)+len(queried) == 0:
		w.Header().Set("WWW-Authenticate", `Bearer realm="ginauthtest"`)
		writeJSON(w, http.StatusUnauthorized, map[string]string{"message": "an access token is required"})
		return Person{}, nil, false
	case len(headers)+len(queried) > 1:
		return refuseBearer(w, http.StatusBadRequest, protocolError{"invalid_request", "more than one access token"})
	}
	token := ""
	if len(queried) == 1 {
		token = queried[0]
	} else if scheme, rest, ok := strings.Cut(headers[0], " "); ok && ascii.EqualFold(scheme, "Bearer") {
		token = rest
	}
	person, scopes, ok := p.grants.bearer(token, p.cfg.Now())
	if !ok {
		return refuseBearer(w, http.StatusUnauthorized, protocolError{"invalid_token", "unknown, expired or revoked"})
	}
	return person, scopes, true
}

// refuseBearer answers as RFC 6750 §3 has it.
func refuseBearer(w http.ResponseWriter, status int, refusal protocolError) (Person, []string, bool) {
	w.Header().Set("WWW-Authenticate", `Bearer realm="ginauthtest", error="`+refusal.code+`", error_description="`+refusal.description+`"`)
	refuseToken(w, status, refusal)
	return Person{}, nil, false
}
